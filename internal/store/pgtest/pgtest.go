package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"database/sql"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
)

// RequireEnv set to 1 makes a missing PostgreSQL a failure.
const RequireEnv = "CAGRI_TEST_REQUIRE"

// Server is a running PostgreSQL. The goroutine of the test owns it.
type Server struct {
	bin, dir string
	cred     *syscall.Credential // nil: as ourselves
	cmd      *exec.Cmd           // nil while it is down
	log      *os.File
	mu       sync.Mutex // guards bases
	bases    int
}

// Start runs a server until the end of the test. Without PostgreSQL on the machine
// the test is skipped, or fails when RequireEnv is set.
func Start(t testing.TB) *Server {
	t.Helper()
	bin, err := programs()
	if err != nil {
		if os.Getenv(RequireEnv) == "1" {
			t.Fatalf("PostgreSQL is required (%s=1) and not there: %v", RequireEnv, err)
		}
		t.Skipf("NOT TESTED against PostgreSQL: %v. Install postgresql, or put initdb and postgres on the PATH.", err)
	}
	s := &Server{bin: bin}
	t.Cleanup(s.remove)
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
	return s
}

// programs finds the folder with initdb and postgres: on the PATH, or the newest
// version where Debian and its kin keep them.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if _, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), nil
		}
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	for _, d := range dirs {
		if _, err := os.Stat(filepath.Join(d, "initdb")); err == nil {
			return d, nil
		}
	}
	return "", errors.New("initdb is neither on the PATH nor in /usr/lib/postgresql")
}

// prepare makes the folder and the cluster.
func (s *Server) prepare() error {
	// Not the test's own folder: that belongs to root when root tests, and its path
	// can be too long for a socket.
	dir, err := os.MkdirTemp("", "cagri-pg-")
	if err != nil {
		return err
	}
	s.dir = dir
	if os.Geteuid() == 0 {
		if s.cred, err = somebody(); err != nil {
			return err
		}
		if err := os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return err
		}
	}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return err
	}
	// A locale whose order is not that of bytes finds what only works in C.
	azeri := []string{"--locale-provider=icu", "--icu-locale=az", "--locale=C.UTF-8"}
	out, err := s.initdb(azeri...)
	if err != nil {
		_ = os.RemoveAll(filepath.Join(dir, "data"))
		out, err = s.initdb("--locale=C")
	}
	if err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) initdb(more ...string) ([]byte, error) {
	args := append([]string{"-D", filepath.Join(s.dir, "data"), "-U", "cagri", "-A", "trust", "-E", "UTF8", "--no-sync"}, more...)
	return s.command("initdb", args...).CombinedOutput()
}

// somebody is a user without rights.
func somebody() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("pgtest: there is neither a user postgres nor nobody to run PostgreSQL as")
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
	// Should the test process die, the server goes with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// up starts the server and waits until it answers.
func (s *Server) up() error {
	cmd := s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=32MB", "-c", "max_connections=50")
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	s.cmd = cmd
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	deadline := time.Now().Add(30 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := db.PingContext(ctx)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(s.log.Name())
			return fmt.Errorf("pgtest: the server does not answer: %w\n%s", err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Server) dsn(base string) string {
	return "host=" + s.dir + " port=5432 user=cagri dbname=" + base + " sslmode=disable"
}

// Base makes an empty database and gives its connection string.
func (s *Server) Base(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.bases++
	name := fmt.Sprintf("t%d", s.bases)
	s.mu.Unlock()
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	return s.dsn(name)
}

// Kill takes the server away without a word to its clients, as a power cut would.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // "immediate": no checkpoint, recovery at the next start
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Restart brings it back.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) remove() {
	s.Kill()
	if s.log != nil {
		_ = s.log.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
