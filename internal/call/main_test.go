package call

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain lets the tests, which mostly wait, run side by side on any machine, and
// checks at the end that none has left a goroutine of ours behind.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"test.parallel": "10", "rapid.checks": "2", "rapid.shrinktime": "1s", "rapid.nofailfile": "true"} {
		if !given[name] {
			_ = flag.Set(name, value)
		}
	}
	// A busy reading thread of a media plane keeps its processor while it pauses. Here
	// are two planes for each test that runs, and not one for the machine.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 40))
	code := m.Run()
	if code == 0 {
		for end := time.Now().Add(10 * time.Second); len(leftover()) > 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		}
		if left := leftover(); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "%d goroutines are left:\n", len(left))
			for _, g := range left {
				fmt.Fprintln(os.Stderr, g)
			}
			code = 1
		}
	}
	os.Exit(code)
}
