package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cagri/internal/call"
	"cagri/internal/declare"
	"cagri/internal/store"
	"cagri/internal/verify"
)

// Deps is what the door opens onto.
type Deps struct {
	Exchange *call.Exchange
	Store    *store.Store
	Register *declare.Register // nil: no directory endpoints
	// Database tells why the store cannot be asked now; nil when it can. A nil function
	// says that it always can.
	Database func() error
	// Look is called when an answer failed for the database; may be nil.
	Look      func()
	RecordDir string
	Metrics   *prometheus.Registry
	// Verify replays the journal; it may take long.
	Verify  func(ctx context.Context, files bool) (verify.Report, error)
	Version string
}

// Server is the HTTP server.
type Server struct {
	deps  Deps
	token string
	http  *http.Server
	ln    net.Listener
	done  chan error
	log   *slog.Logger
}

// New makes a Server that lets in whoever bears token.
func New(deps Deps, token string, log *slog.Logger) (*Server, error) {
	if token == "" {
		return nil, errors.New("api: a token is needed; without one anybody on the machine could steer calls")
	}
	if deps.Database == nil {
		deps.Database = func() error { return nil }
	}
	if deps.Look == nil {
		deps.Look = func() {}
	}
	s := &Server{deps: deps, token: token, done: make(chan error, 1), log: log}
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Çağrı", deps.Version)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	cfg.Security = []map[string][]string{{"token": {}}}
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.DocsPath = "" // its page would load scripts from outside
	a := humago.New(mux, cfg)
	a.UseMiddleware(s.whileThere(a))
	s.calls(a)
	s.agents(a)
	s.machine(a)
	s.directory(a)
	mux.HandleFunc("GET /v1/calls/{id}/audio", s.audio)
	mux.Handle("GET /metrics", promhttp.HandlerFor(deps.Metrics, promhttp.HandlerOpts{}))
	// Where the processor and the memory go, for whoever bears the token.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s.http = &http.Server{
		Handler:           s.guard(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// schemaName keeps types of the same name in different rooms apart.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	room := path.Base(t.PkgPath())
	if t.Name() == "" || !strings.HasPrefix(t.PkgPath(), "cagri/") || room == "api" {
		return name
	}
	room = strings.ToUpper(room[:1]) + room[1:]
	return room + strings.TrimPrefix(name, room)
}

// guard checks the token before anything else is looked at.
func (s *Server) guard(next http.Handler) http.Handler {
	want := []byte("Bearer " + s.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		// On a copy: net/http closes a connection whose body was not read to its end
		// only while the request still holds the body it came with.
		r = r.WithContext(r.Context())
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r))
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), want) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="cagri"`)
			refuse(w, http.StatusUnauthorized, "send the token as Authorization: Bearer …; it is in api.token of the data folder")
			return
		}
		if !storable(r.URL) {
			refuse(w, http.StatusBadRequest, "the address holds a zero byte or broken UTF-8, which no record does")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// storable tells whether everything in the address could stand in a database.
func storable(u *url.URL) bool {
	fit := func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
	if !fit(u.Path) {
		return false
	}
	for name, values := range u.Query() {
		if !fit(name) || slices.ContainsFunc(values, func(v string) bool { return !fit(v) }) {
			return false
		}
	}
	return true
}

// Start listens on addr.
func (s *Server) Start(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("api: listen on %s: %w", addr, err)
	}
	s.ln = ln
	go func() { s.done <- s.http.Serve(ln) }()
	return nil
}

// Addr is where the server listens; empty before Start.
func (s *Server) Addr() string {
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// Stop ends the server; requests under way get five seconds.
func (s *Server) Stop() {
	if s.ln == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	<-s.done
	s.ln = nil
}
