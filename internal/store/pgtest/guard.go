package pgtest

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Exec runs statements in the database of dsn, as its owner.
func (s *Server) Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range statements {
		if _, err := db.Exec(st); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
	}
}

// Guard lets a new user with a password, and nobody else by a password, into the
// database of dsn, and gives that user's connection string without the password.
func (s *Server) Guard(t testing.TB, dsn, user, password string) string {
	t.Helper()
	base := dsn[strings.Index(dsn, "dbname=")+len("dbname="):]
	base, _, _ = strings.Cut(base, " ")
	s.Exec(t, dsn,
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", user, password),
		fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", base, user),
		fmt.Sprintf("GRANT ALL ON SCHEMA public TO %s", user))
	file := filepath.Join(s.dir, "data", "pg_hba.conf")
	rules, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rules = append([]byte(fmt.Sprintf("local %s %s scram-sha-256\n", base, user)), rules...)
	if err := os.WriteFile(file, rules, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, dsn, "SELECT pg_reload_conf()")
	return strings.Replace(dsn, "user=cagri", "user="+user, 1)
}

// Dial connects to the server as it is now.
func (s *Server) Dial() (net.Conn, error) {
	return net.Dial("unix", filepath.Join(s.dir, ".s.PGSQL.5432"))
}
