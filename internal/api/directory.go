package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cagri/internal/declare"
	"cagri/internal/directory"
	"cagri/internal/store"
)

// maxApply is the size of a request that brings documents; they are the only large ones.
const maxApply = declare.MaxBytes + 8<<20

// bodyLimit is the most that a request may bring.
func bodyLimit(r *http.Request) int64 {
	if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/directory/") {
		return maxApply
	}
	return 1 << 20
}

type applyBody struct {
	Files     []declare.File    `json:"files,omitempty" maxItems:"10000" doc:"Files of YAML documents"`
	Documents []json.RawMessage `json:"documents,omitempty" doc:"The same documents as JSON objects: kind, id, spec; from, until, reason, ended"`
	From      string            `json:"from,omitempty" maxLength:"40" doc:"Day or moment from which documents hold that do not say; now, if not given"`
	Reason    string            `json:"reason,omitempty" maxLength:"1000" doc:"Why; must be given for what changes the past"`
	By        string            `json:"by,omitempty" maxLength:"200" doc:"Who applies"`
	Prune     bool              `json:"prune,omitempty" doc:"End what the documents do not name"`
	Revision  *int64            `json:"revision,omitempty" doc:"The directory must stand at this revision, as a plan told it; else 409"`
}

type applyIn struct{ Body applyBody }

type planOut struct{ Body *declare.Plan }

type exportIn struct {
	At             string   `query:"at" maxLength:"40" doc:"Day or moment; now, if not given"`
	History        bool     `query:"history" doc:"Every version with its dates"`
	Kinds          []string `query:"kinds" maxItems:"20"`
	OfBody         string   `query:"body" maxLength:"64"`
	Secrets        bool     `query:"secrets" doc:"With the hashes of phones' passwords"`
	Accommodations bool     `query:"accommodations" doc:"With what persons with disabilities need"`
}

type exportOut struct {
	Body struct {
		Files []declare.File `json:"files"`
	}
}

type recordsIn struct {
	At             string `query:"at" maxLength:"40" doc:"As it was on this day or at this moment; now, if not given"`
	Kind           string `query:"kind" maxLength:"32"`
	ID             string `query:"id" maxLength:"64"`
	OfBody         string `query:"body" maxLength:"64" doc:"Records of this body, and everybody's"`
	Accommodations bool   `query:"accommodations" doc:"With what persons with disabilities need"`
}

type historyIn struct {
	Kind           string `path:"kind" maxLength:"32"`
	ID             string `path:"id" maxLength:"64"`
	Accommodations bool   `query:"accommodations"`
}

// recordView is a version of a record as it is shown; secrets are left out.
type recordView struct {
	Kind      string     `json:"kind"`
	ID        string     `json:"id"`
	Version   int        `json:"version"`
	From      time.Time  `json:"from"`
	Until     *time.Time `json:"until,omitempty" doc:"None: for good"`
	Body      string     `json:"body,omitempty" doc:"Whose record it is"`
	Ended     bool       `json:"ended,omitempty" doc:"There is no such record in this time"`
	Spec      any        `json:"spec,omitempty"`
	AppliedBy string     `json:"applied_by,omitempty"`
	AppliedAt time.Time  `json:"applied_at"`
	Reason    string     `json:"reason,omitempty"`
	Revision  int64      `json:"revision"`
}

type recordsOut struct {
	Body struct {
		Records []recordView `json:"records"`
	}
}

type checkOut struct {
	Body struct {
		Refused  []problemView `json:"refused" doc:"What an apply would not let in"`
		Findings []problemView `json:"findings"`
	}
}

// problemView is a problem with its text.
type problemView struct {
	*directory.Problem
	Text string `json:"text"`
}

type kindsOut struct {
	Body struct {
		Kinds []directory.KindDoc `json:"kinds"`
	}
}

func (s *Server) directory(a huma.API) {
	r := s.deps.Register
	if r == nil {
		return
	}
	big := huma.Operation{Method: http.MethodPost, MaxBodyBytes: maxApply, BodyReadTimeout: time.Minute, Errors: []int{http.StatusConflict, http.StatusUnprocessableEntity}}
	plan := big
	plan.OperationID, plan.Path, plan.Summary = "plan-directory", "/v1/directory/plan", "What applying documents would change; problems are part of the answer"
	huma.Register(a, plan, func(ctx context.Context, in *applyIn) (*planOut, error) {
		q, err := in.request()
		if err != nil {
			return nil, directoryProblem(err)
		}
		p, err := r.Plan(ctx, q)
		if err != nil {
			return nil, directoryProblem(err)
		}
		return &planOut{p}, nil
	})
	apply := big
	apply.OperationID, apply.Path, apply.Summary = "apply-directory", "/v1/directory/apply", "Apply documents in one transaction, or none of them"
	huma.Register(a, apply, func(ctx context.Context, in *applyIn) (*planOut, error) {
		q, err := in.request()
		if err != nil {
			return nil, directoryProblem(err)
		}
		p, err := r.Apply(ctx, q)
		if err != nil {
			return nil, directoryProblem(err)
		}
		return &planOut{p}, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "export-directory", Method: http.MethodGet, Path: "/v1/directory/export", Summary: "The directory as documents that apply to no change",
	}, func(ctx context.Context, in *exportIn) (*exportOut, error) {
		sel := declare.Selection{History: in.History, Body: in.OfBody, Secrets: in.Secrets, Accommodations: in.Accommodations}
		var err error
		if sel.At, err = moment(in.At); err != nil {
			return nil, directoryProblem(err)
		}
		for _, k := range in.Kinds {
			sel.Kinds = append(sel.Kinds, directory.Kind(k))
		}
		out := &exportOut{}
		out.Body.Files, err = r.Export(ctx, sel)
		return out, directoryProblem(err)
	})
	huma.Register(a, huma.Operation{
		OperationID: "list-records", Method: http.MethodGet, Path: "/v1/directory/records", Summary: "Records as they were on a day",
	}, s.recordsOn)
	huma.Register(a, huma.Operation{
		OperationID: "record-history", Method: http.MethodGet, Path: "/v1/directory/records/{kind}/{id}", Summary: "Every version of a record",
	}, s.recordHistory)
	huma.Register(a, huma.Operation{
		OperationID: "check-directory", Method: http.MethodGet, Path: "/v1/directory/check", Summary: "The directory held against the clauses, from now on",
	}, func(ctx context.Context, _ *struct{}) (*checkOut, error) {
		ps, err := r.Check(ctx)
		if err != nil {
			return nil, directoryProblem(err)
		}
		out := &checkOut{}
		out.Body.Refused, out.Body.Findings = []problemView{}, []problemView{}
		for _, p := range ps {
			if v := (problemView{p, p.Text()}); p.Finding {
				out.Body.Findings = append(out.Body.Findings, v)
			} else {
				out.Body.Refused = append(out.Body.Refused, v)
			}
		}
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "directory-kinds", Method: http.MethodGet, Path: "/v1/directory/kinds", Summary: "Every kind of record and its fields",
	}, func(context.Context, *struct{}) (*kindsOut, error) {
		out := &kindsOut{}
		out.Body.Kinds = directory.Reference()
		return out, nil
	})
}

// request reads what is to be applied.
func (in *applyIn) request() (declare.Request, error) {
	b := &in.Body
	q := declare.Request{Files: b.Files, Reason: b.Reason, By: b.By, Prune: b.Prune, Revision: -1}
	if b.Revision != nil {
		q.Revision = *b.Revision
	}
	for i, d := range b.Documents {
		// Written anew: JSON may escape letters in a way that YAML does not read.
		dec := json.NewDecoder(bytes.NewReader(d))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			return q, fmt.Errorf("documents[%d]: %w", i, err)
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return q, fmt.Errorf("documents[%d]: %w", i, err)
		}
		q.Files = append(q.Files, declare.File{Name: fmt.Sprintf("documents[%d]", i), Text: text.String()})
	}
	var err error
	q.From, err = moment(b.From)
	return q, err
}

// errBadMoment is a day or moment that cannot be read.
type errBadMoment struct{ error }

func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := declare.Moment(s)
	if err != nil {
		return t, errBadMoment{err}
	}
	return t, nil
}

func (s *Server) recordsOn(ctx context.Context, in *recordsIn) (*recordsOut, error) {
	at, err := moment(in.At)
	if err != nil {
		return nil, directoryProblem(err)
	}
	if at.IsZero() {
		at = time.Now()
	}
	scope := store.AllBodies()
	if in.OfBody != "" {
		scope = store.Bodies(in.OfBody)
	}
	list, err := s.deps.Store.RecordsOn(ctx, scope, at, store.RecordFilter{Kind: directory.Kind(in.Kind), ID: in.ID, Private: in.Accommodations})
	if err != nil {
		return nil, directoryProblem(err)
	}
	return views(list), nil
}

func (s *Server) recordHistory(ctx context.Context, in *historyIn) (*recordsOut, error) {
	list, err := s.deps.Store.RecordHistory(ctx, store.AllBodies(), store.RecordFilter{Kind: directory.Kind(in.Kind), ID: in.ID, Private: in.Accommodations})
	if err != nil {
		return nil, directoryProblem(err)
	}
	if len(list) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no %s %q", in.Kind, in.ID))
	}
	return views(list), nil
}

func views(list []directory.Version) *recordsOut {
	out := &recordsOut{}
	out.Body.Records = make([]recordView, len(list))
	for i, v := range list {
		w := recordView{Kind: string(v.Kind), ID: v.ID, Version: v.N, From: v.From, Body: v.Body, Ended: v.Record == nil, AppliedBy: v.By, AppliedAt: v.At, Reason: v.Reason, Revision: v.Revision}
		if !v.Until.IsZero() {
			w.Until = &v.Until
		}
		if v.Record != nil {
			w.Spec = directory.Encode(v.Record, false)
		}
		out.Body.Records[i] = w
	}
	return out
}

// directoryProblem turns errors of the directory into answers.
func directoryProblem(err error) error {
	var ps directory.Problems
	var bad errBadMoment
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ps):
		details := make([]error, len(ps))
		for i, p := range ps {
			where := p.At.String()
			if where == "" {
				where = strings.TrimSpace(string(p.Kind) + " " + p.ID)
			}
			text := p.Text()
			if p.Clause != "" {
				text += " [" + p.Clause + "]"
			}
			details[i] = &huma.ErrorDetail{Message: text, Location: where, Value: p}
		}
		return huma.Error422UnprocessableEntity(fmt.Sprintf("nothing was applied: %d problems", len(ps)), details...)
	case errors.Is(err, directory.ErrStale):
		return huma.Error409Conflict(plain(err))
	case errors.As(err, &bad), strings.HasPrefix(err.Error(), "documents["):
		return huma.Error422UnprocessableEntity(err.Error())
	}
	return problem(err)
}
