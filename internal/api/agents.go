package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/call"
)

type agentsOut struct {
	Body struct {
		Agents []call.AgentView `json:"agents"`
	}
}

type agentDoIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Action string `json:"action" enum:"sign_in,ready,pause,end_wrap_up,sign_out"`
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why, for a pause"`
	}
}

func (s *Server) agents(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "list-agents", Method: http.MethodGet, Path: "/v1/agents", Summary: "Agents and what they are doing now",
	}, func(context.Context, *struct{}) (*agentsOut, error) {
		out := &agentsOut{}
		out.Body.Agents = s.deps.Exchange.Agents()
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "agent-do", Method: http.MethodPost, Path: "/v1/agents/{id}/state", Summary: "Sign an agent in or out, pause, make ready, end wrap-up",
		DefaultStatus: http.StatusAccepted,
	}, func(_ context.Context, in *agentDoIn) (*struct{}, error) {
		return nil, problem(s.deps.Exchange.AgentDo(in.ID, call.AgentAction(in.Body.Action), in.Body.Reason))
	})
}
