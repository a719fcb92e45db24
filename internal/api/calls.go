package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/call"
	"cagri/internal/store"
)

type callsIn struct {
	From    time.Time `query:"from" doc:"Arrived at or after"`
	To      time.Time `query:"to" doc:"Arrived before"`
	OfBody  string    `query:"body" maxLength:"64"`
	Number  string    `query:"number" maxLength:"32" doc:"Called or calling number"`
	Agent   string    `query:"agent" maxLength:"64"`
	Queue   string    `query:"queue" maxLength:"64"`
	Outcome string    `query:"outcome" maxLength:"32"`
	Limit   int       `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	After   string    `query:"after" maxLength:"64" doc:"Id of the last call of the former page"`
}

type callsOut struct {
	Body struct {
		Calls []store.Call `json:"calls"`
	}
}

type callIn struct {
	ID string `path:"id" maxLength:"64"`
}

type callOut struct{ Body store.CallDetail }

type boardOut struct{ Body call.Board }

type transferIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Target string `json:"target" minLength:"1" maxLength:"64" doc:"Agent, queue, own number or number outside"`
	}
}

func (s *Server) calls(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: "/v1/calls", Summary: "Calls, newest first",
	}, func(ctx context.Context, in *callsIn) (*callsOut, error) {
		list, err := s.deps.Store.ListCalls(ctx, store.AllBodies(), store.CallFilter{
			From: in.From, To: in.To, Body: in.OfBody, Number: in.Number, Agent: in.Agent, Queue: in.Queue, Outcome: in.Outcome, Limit: in.Limit, After: in.After,
		})
		if err != nil {
			return nil, problem(err)
		}
		out := &callsOut{}
		out.Body.Calls = list
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "show-call", Method: http.MethodGet, Path: "/v1/calls/{id}", Summary: "A call, step by step",
	}, func(ctx context.Context, in *callIn) (*callOut, error) {
		c, err := s.deps.Store.GetCall(ctx, store.AllBodies(), in.ID)
		if err != nil {
			return nil, problem(err)
		}
		return &callOut{Body: *c}, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "board", Method: http.MethodGet, Path: "/v1/board", Summary: "What lives now: calls, queues, agents",
	}, func(context.Context, *struct{}) (*boardOut, error) {
		return &boardOut{Body: s.deps.Exchange.Board()}, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "hang-up", Method: http.MethodPost, Path: "/v1/calls/{id}/hangup", Summary: "End a call", DefaultStatus: http.StatusAccepted,
	}, func(_ context.Context, in *callIn) (*struct{}, error) {
		return nil, problem(s.deps.Exchange.Hangup(in.ID))
	})
	huma.Register(a, huma.Operation{
		OperationID: "transfer", Method: http.MethodPost, Path: "/v1/calls/{id}/transfer", Summary: "Hand the caller to somebody else", DefaultStatus: http.StatusAccepted,
	}, func(_ context.Context, in *transferIn) (*struct{}, error) {
		return nil, problem(s.deps.Exchange.Transfer(in.ID, in.Body.Target))
	})
}

// audio sends the recording of a call; ranges let a player seek.
func (s *Server) audio(w http.ResponseWriter, r *http.Request) {
	if err := s.deps.Database(); err != nil {
		refuse(w, http.StatusServiceUnavailable, unready(err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readIn)
	defer cancel()
	c, err := s.deps.Store.GetCall(ctx, store.AllBodies(), r.PathValue("id"))
	err = store.Diagnose(err)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case errors.Is(err, store.ErrAway), errors.Is(err, store.ErrRefused):
		s.deps.Look()
		refuse(w, http.StatusServiceUnavailable, unready(err))
		return
	case err != nil:
		s.log.Error("a recording could not be looked up", "err", err)
		refuse(w, http.StatusInternalServerError, "the server could not do it; its log says why")
		return
	case len(c.Recordings) > 0 && c.Recordings[0].File != "":
		s.send(w, r, c)
		return
	}
	refuse(w, http.StatusNotFound, "there is no recording of that call")
}

// send sends the sound of a call that has a recording.
func (s *Server) send(w http.ResponseWriter, r *http.Request, c *store.CallDetail) {
	if s.deps.RecordDir == "" {
		refuse(w, http.StatusNotFound, "recording is off on this server, and there is no folder of recordings")
		return
	}
	// os.Root keeps a wrong name in the database from reaching any other file.
	root, err := os.OpenRoot(s.deps.RecordDir)
	if err != nil {
		s.log.Error("the recordings folder cannot be opened", "err", err)
		refuse(w, http.StatusNotFound, "the recordings folder cannot be opened")
		return
	}
	defer root.Close()
	name := filepath.FromSlash(c.Recordings[0].File)
	// Only a file: a folder has no sound, and to open a pipe would wait for ever.
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		refuse(w, http.StatusNotFound, "the recording's file is not there")
		return
	}
	f, err := root.Open(name)
	if err != nil {
		refuse(w, http.StatusNotFound, "the recording's file is not there")
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": c.ID + ".wav"}))
	http.ServeContent(w, r, "", time.Time{}, f)
}
