package system

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long a test waits for what must come. It bounds a failure, not a
// success, so it is long enough for a machine that is busy with other things.
const patience = 25 * time.Second

// program is the path of the server under test, built once.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait most of the time: more of them than there are processors may run
	// side by side. Whoever gives -parallel has it as given.
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "8")
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cagri-system-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "cagri")
	args := []string{"build", "-o", program}
	if raceOn {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "cagri/cmd/cagri")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the server could not be built:", err)
		return 1
	}
	return m.Run()
}

// needs skips the test when a tool is missing, or fails it if CAGRI_TEST_REQUIRE=1.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	packages := map[string]string{"sipp": "sip-tester", "baresip": "baresip-core"}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		text := fmt.Sprintf("NOT TESTED: %s is not installed, and without it nobody independent calls the server. Install it: apt-get install %s", tool, packages[tool])
		if os.Getenv("CAGRI_TEST_REQUIRE") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
}

// until waits for a condition that is asked for every 20 ms.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, patience, what, ok)
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(d)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("did not come within %s: %s", d, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
