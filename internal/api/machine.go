package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/verify"
)

type healthOut struct {
	Body struct {
		Status  string `json:"status" enum:"ok"`
		Version string `json:"version"`
	}
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
	}, func(context.Context, *struct{}) (*healthOut, error) {
		out := &healthOut{}
		out.Body.Status, out.Body.Version = "ok", s.deps.Version
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
