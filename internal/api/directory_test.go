package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cagri/internal/declare"
	"cagri/internal/directory"
	"cagri/internal/store"
)

const testToken = "0123456789abcdef"

func door(t *testing.T) (*httptest.Server, *declare.Register) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Driver: "sqlite", DSN: ":memory:"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	r := declare.NewRegister(st, "cagri", nil, time.Now)
	s, err := New(Deps{Store: st, Register: r, Metrics: prometheus.NewRegistry(), Version: "test"}, testToken, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.http.Handler)
	t.Cleanup(srv.Close)
	return srv, r
}

// ask sends in as JSON and reads the answer into out, unless it is nil.
func ask(t *testing.T, srv *httptest.Server, method, path string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
		}
	}
	return res.StatusCode
}

type object = map[string]any

func bodyDoc(name string) object {
	return object{"kind": "body", "id": "asan", "spec": object{"name": name, "class": "central_executive"}}
}

func TestDirectoryOverHTTP(t *testing.T) {
	srv, r := door(t)
	heard := 0
	r.OnApplied(func(*directory.Snapshot) { heard++ })
	var p declare.Plan
	in := object{"documents": []object{bodyDoc("😀 \u2028 </b>"), {"kind": "hall", "id": "h", "spec": object{"body": "asan", "name": "Zal", "seats": 7}}}, "by": "Günel"}
	if code := ask(t, srv, "POST", "/v1/directory/plan", in, &p); code != 200 || p.Counts.Created != 2 || p.Revision != 0 {
		t.Fatalf("plan: %d %+v", code, p)
	}
	in["revision"] = 0
	if code := ask(t, srv, "POST", "/v1/directory/apply", in, &p); code != 200 || heard != 1 {
		t.Fatalf("apply: %d", code)
	}
	var conflict struct{ Detail string }
	if code := ask(t, srv, "POST", "/v1/directory/apply", in, &conflict); code != 409 || !strings.Contains(conflict.Detail, "revision 1, not 0") {
		t.Errorf("an old revision: %d %q", code, conflict.Detail)
	}
	delete(in, "revision")
	if code := ask(t, srv, "POST", "/v1/directory/apply", in, &p); code != 200 || len(p.Changes) > 0 || heard != 1 {
		t.Errorf("again: %d %+v", code, p.Changes)
	}

	var refusal struct {
		Errors []struct {
			Message, Location string
			Value             directory.Problem
		}
	}
	bad := object{"files": []object{{"name": "conf/x.yaml", "text": "kind: hall\nid: g\nspec:\n  body: asam\n  name: Zal\n  seats: 3\n"}}}
	if code := ask(t, srv, "POST", "/v1/directory/apply", bad, &refusal); code != 422 || len(refusal.Errors) != 1 {
		t.Fatalf("refused with %d %+v", code, refusal)
	}
	if e := refusal.Errors[0]; e.Location != "conf/x.yaml:4:9" || e.Value.Clause != directory.ClauseClass || !strings.Contains(e.Message, "did you mean asan") {
		t.Errorf("%+v", e)
	}

	var records struct{ Records []object }
	if code := ask(t, srv, "GET", "/v1/directory/records?kind=body", nil, &records); code != 200 || len(records.Records) != 1 || records.Records[0]["applied_by"] != "Günel" {
		t.Errorf("%d %v", code, records)
	}
	if name := records.Records[0]["spec"].(object)["name"]; name != "😀 \u2028 </b>" {
		t.Errorf("the name came back as %q", name)
	}
	if code := ask(t, srv, "GET", "/v1/directory/records?at=2020-01-01", nil, &records); code != 200 || len(records.Records) != 0 {
		t.Errorf("in 2020: %d %v", code, records)
	}
	if code := ask(t, srv, "GET", "/v1/directory/records?at=never", nil, nil); code != 422 {
		t.Errorf("no day: %d", code)
	}
	if code := ask(t, srv, "GET", "/v1/directory/records/hall/h", nil, &records); code != 200 || len(records.Records) != 1 {
		t.Errorf("history: %d %v", code, records)
	}
	if code := ask(t, srv, "GET", "/v1/directory/records/hall/none", nil, nil); code != 404 {
		t.Errorf("history of nothing: %d", code)
	}
	var kinds struct{ Kinds []directory.KindDoc }
	if code := ask(t, srv, "GET", "/v1/directory/kinds", nil, &kinds); code != 200 || len(kinds.Kinds) != len(directory.Kinds()) {
		t.Errorf("kinds: %d %d", code, len(kinds.Kinds))
	}
	var check struct{ Refused, Findings []object }
	if code := ask(t, srv, "GET", "/v1/directory/check", nil, &check); code != 200 || len(check.Refused)+len(check.Findings) != 0 {
		t.Errorf("check: %d %v", code, check)
	}
}

// What persons with disabilities need is seen by nobody who does not ask for it, and
// passwords and their hashes by nobody at all but an export that asks for them.
func TestPrivateMatters(t *testing.T) {
	srv, _ := door(t)
	in := object{"documents": []object{
		bodyDoc("A"),
		{"kind": "phone", "id": "1001", "spec": object{"password": "geheim"}},
		{"kind": "agent", "id": "a", "spec": object{"name": "A", "body": "asan"}},
		{"kind": "accommodation", "id": "a", "spec": object{"agent": "a", "body": "asan", "needs": "masa", "author": "B", "decided": "2026-11-02"}},
	}}
	if code := ask(t, srv, "POST", "/v1/directory/apply", in, nil); code != 200 {
		t.Fatal(code)
	}
	for path, want := range map[string][2]bool{ // accommodation, hash
		"/v1/directory/records":                             {false, false},
		"/v1/directory/records?accommodations=true":         {true, false},
		"/v1/directory/records/phone/1001":                  {false, false},
		"/v1/directory/export":                              {false, false},
		"/v1/directory/export?accommodations=true":          {true, false},
		"/v1/directory/export?secrets=true":                 {false, true},
		"/v1/directory/export?kinds=accommodation":          {false, false},
		"/v1/directory/export?kinds=phone,agent&body=asan":  {false, false},
		"/v1/directory/export?kinds=phone&secrets=true":     {false, true},
		"/v1/directory/records/accommodation/a?at=whatever": {false, false},
	} {
		var out any
		ask(t, srv, "GET", path, nil, &out)
		text := fmt.Sprint(out)
		if strings.Contains(text, "masa") != want[0] || strings.Contains(text, "ha1") != want[1] || strings.Contains(text, "geheim") {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// An export put back in changes nothing; a large request is taken, elsewhere it is not.
func TestExportGoesBackIn(t *testing.T) {
	srv, _ := door(t)
	var text strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&text, "kind: skill\nid: s%d\nspec: {name: %q}\n---\n", i, strings.Repeat("bacarıq ", 16))
	}
	var p declare.Plan
	if code := ask(t, srv, "POST", "/v1/directory/apply", object{"files": []object{{"name": "a", "text": text.String()}}}, &p); code != 200 || p.Counts.Created != 9000 {
		t.Fatalf("%d bytes: %d %+v", text.Len(), code, p.Counts)
	}
	var files struct {
		Files []declare.File `json:"files"`
	}
	if code := ask(t, srv, "GET", "/v1/directory/export?"+url.Values{"kinds": {"skill"}}.Encode(), nil, &files); code != 200 {
		t.Fatal(code)
	}
	p = declare.Plan{}
	if code := ask(t, srv, "POST", "/v1/directory/apply", object{"files": files.Files}, &p); code != 200 || p.Counts != (declare.Counts{Unchanged: 9000}) {
		t.Errorf("%d %+v", code, p.Counts)
	}
	if code := ask(t, srv, "POST", "/v1/agents/x/state", object{"action": text.String()}, nil); code < 400 || code >= 500 {
		t.Errorf("a large request elsewhere: %d", code)
	}
}

func TestOpenAPIHasTheDirectory(t *testing.T) {
	srv, _ := door(t)
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	if code := ask(t, srv, "GET", "/openapi.json", nil, &doc); code != 200 || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("%d %s", code, doc.OpenAPI)
	}
	for _, path := range []string{"plan", "apply", "export", "records", "records/{kind}/{id}", "check", "kinds"} {
		if doc.Paths["/v1/directory/"+path] == nil {
			t.Errorf("no %s", path)
		}
	}
}
