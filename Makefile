# Çağrı: `make demo` runs the main job, `make test` runs every test.
SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 20s

.PHONY: help build demo serve test race lint check bench fuzz prompts clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## the one binary, bin/cagri
	$(GO) build -trimpath -o bin/cagri ./cmd/cagri

demo: build ## the product on stage: real server, real SIP citizens and agents; ARGS="--for 30s --rate 1 --agents 6"
	./bin/cagri demo $(ARGS)

serve: build ## a server with no configuration, on loopback
	./bin/cagri serve $(ARGS)

test: ## every test; tests that need sipp, baresip or PostgreSQL say so when these are missing
	$(GO) test ./...

race: ## every test under the race detector
	$(GO) test -race ./...

lint: ## gofmt, go vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

check: lint test race ## what CI runs

bench: build ## figures of docs/benchmarks.md on this machine; ARGS="-only media,setup"
	$(GO) run ./test/bench $(ARGS)

fuzz: ## each fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; done; done

prompts: ## speak all phrases anew with espeak-ng
	$(GO) run ./cmd/prompts

clean: ## remove what was built
	rm -rf bin
