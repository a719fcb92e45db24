package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/call"
	"cagri/internal/store"
)

const (
	// readIn bounds what is read from the database: an answer later than this is of no
	// use to whoever waits at a screen.
	readIn = 10 * time.Second
	// comeBack is told to whoever asks while the database is away, in seconds.
	comeBack = "5"
)

// fromStore tells whether an operation is answered from the database. Everything else
// is about what lives now, and is answered without it.
func fromStore(op *huma.Operation) bool {
	switch op.OperationID {
	case "list-calls", "show-call", "verify":
		return true
	}
	return strings.HasPrefix(op.Path, "/v1/directory/")
}

// whileThere answers for the database while that cannot be used, and lets no reader
// wait for it for long.
func (s *Server) whileThere(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		if !fromStore(c.Operation()) {
			next(c)
			return
		}
		if err := s.deps.Database(); err != nil {
			c.SetHeader("Retry-After", comeBack)
			_ = huma.WriteErr(a, c, http.StatusServiceUnavailable, unready(err))
			return
		}
		if c.Method() == http.MethodGet {
			ctx, cancel := context.WithTimeout(c.Context(), readIn)
			defer cancel()
			c = huma.WithContext(c, ctx)
		}
		next(c)
		if c.Status() == http.StatusServiceUnavailable {
			s.deps.Look()
		}
	}
}

// problem turns an error of the rooms behind into an answer, in one place.
func problem(err error) error {
	err = store.Diagnose(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, call.ErrNoSuchAgent), errors.Is(err, call.ErrNoSuchCall), errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound(plain(err))
	case errors.Is(err, call.ErrNoSuchCode), errors.Is(err, call.ErrNoSuchTarget):
		return huma.Error422UnprocessableEntity(plain(err))
	case errors.Is(err, call.ErrOutside):
		return huma.Error403Forbidden(plain(err))
	case errors.Is(err, call.ErrNotTalking):
		return huma.Error409Conflict(plain(err))
	case errors.Is(err, store.ErrAway), errors.Is(err, store.ErrRefused):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable(unready(err)), http.Header{"Retry-After": {comeBack}})
	}
	return huma.Error500InternalServerError("the server could not do it", err)
}

// unready says in a sentence why the database cannot be used, and nothing that only
// an operator should know.
func unready(err error) string {
	const meanwhile = "; calls are taken and kept in the journal, and are seen here when it can be used again"
	switch {
	case errors.Is(err, store.ErrRefused):
		return "the database refuses this server (its log says why)" + meanwhile
	case errors.Is(err, store.ErrNewer):
		return "the database is of a newer program; this server ends"
	case errors.Is(err, store.ErrAway):
		return "the database is away" + meanwhile
	}
	return "the database cannot be used yet (the log says why)" + meanwhile
}

func plain(err error) string {
	_, text, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		return err.Error()
	}
	return text
}

// refuse answers outside of the framework, in the same form.
func refuse(w http.ResponseWriter, status int, detail string) {
	b, _ := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", comeBack)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
