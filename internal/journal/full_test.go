package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The disk is full for a while: what still fits waits in the waiting file, and is
// stored when there is room again, without a restart.
func TestAFullDiskForAWhile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("SKIPPED: cannot mount a small tmpfs here: %v", err)
	}
	defer func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	}()
	j, err := Open(Config{Dir: filepath.Join(dir, "journal")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	n := 0
	put := func(count int) {
		for range count {
			n++
			j.Append(step("c", uint64(n)))
		}
	}
	put(100)
	flush(t, j)
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	for end := time.Now().Add(30 * time.Second); j.Stats().Retried == 0; time.Sleep(10 * time.Millisecond) {
		put(100) // until the store notices
		if time.Now().After(end) {
			t.Fatal("the disk is full and nobody notices")
		}
	}
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	put(1)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := j.Flush(ctx); err != nil {
		t.Fatalf("with room again: %v, %+v", err, j.Stats())
	}
	st := j.Stats()
	seen := map[string]bool{}
	ids := all(t, j)
	for _, id := range ids {
		seen[id] = true
	}
	if uint64(len(seen)) < st.Appended-st.Lost || ids[len(ids)-1] != fmt.Sprintf("c-%d", n) {
		t.Errorf("%d events in the journal, the last %s; %+v", len(seen), ids[len(ids)-1], st)
	}
}
