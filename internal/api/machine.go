package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/store"
	"cagri/internal/verify"
)

type health struct {
	Status   string `json:"status" enum:"ok" doc:"The server takes calls"`
	Database string `json:"database" enum:"ok,away,refused,newer,unfit" doc:"Whether the database can be used; calls do not wait for it"`
	Detail   string `json:"detail,omitempty" doc:"What is wrong, in a sentence"`
	Version  string `json:"version"`
}

type healthOut struct{ Body health }

type readyOut struct {
	Status int
	Body   health
}

func (s *Server) health() health {
	h := health{Status: "ok", Database: "ok", Version: s.deps.Version}
	err := s.deps.Database()
	switch {
	case err == nil:
		return h
	case errors.Is(err, store.ErrRefused):
		h.Database = "refused"
	case errors.Is(err, store.ErrNewer):
		h.Database = "newer"
	case errors.Is(err, store.ErrAway):
		h.Database = "away"
	default:
		h.Database = "unfit"
	}
	h.Detail = unready(err)
	return h
}

type verifyIn struct {
	Body struct {
		Files bool `json:"files,omitempty" doc:"Also read every recording and compare its hash"`
	}
}

type verifyOut struct{ Body verify.Report }

func (s *Server) machine(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Summary: "Is the server up", Security: []map[string][]string{},
		Description: "200 for as long as calls are taken, with or without a database: what restarts servers or sends calls to them should ask here.",
	}, func(context.Context, *struct{}) (*healthOut, error) {
		return &healthOut{Body: s.health()}, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Summary: "Is everything behind the server up", Security: []map[string][]string{},
		Description: "503 while the database cannot be used: what tells operators should ask here.",
	}, func(context.Context, *struct{}) (*readyOut, error) {
		out := &readyOut{Status: http.StatusOK, Body: s.health()}
		if out.Body.Database != "ok" {
			out.Status = http.StatusServiceUnavailable
		}
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: "/v1/verify", Summary: "Replay the journal and compare",
	}, func(ctx context.Context, in *verifyIn) (*verifyOut, error) {
		r, err := s.deps.Verify(ctx, in.Body.Files)
		if err != nil {
			return nil, problem(err)
		}
		return &verifyOut{Body: r}, nil
	})
}
