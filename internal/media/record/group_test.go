package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"cagri/internal/media/tone"
)

// Many calls end at the same moment: each has its name, its hash and its sound,
// and they share syncs.
func TestManyEndingTogetherShareSyncs(t *testing.T) {
	for name, plain := range map[string]bool{"one sync of the file system": true, "each file by itself": false} {
		t.Run(name, func(t *testing.T) {
			p := NewPool(PoolConfig{SyncEvery: -1}, nil)
			if !plain {
				on(p, &badDisk{}) // not a file that the system knows
			}
			if err := p.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			const n = 300
			dir := t.TempDir()
			said := tone.SpeechLike(5, 200*time.Millisecond, 1000)
			var all sync.WaitGroup
			sums := make([]Summary, n)
			for i := range n {
				r := create(t, p, filepath.Join(dir, fmt.Sprint(i%3), fmt.Sprintf("%d.wav", i)), nil)
				talk(r, Caller, uint32(i+1), 0, said)
				all.Go(func() {
					var err error
					if sums[i], err = r.Close(at(200 * time.Millisecond)); err != nil && plain {
						t.Error(err)
					}
				})
			}
			all.Wait()
			st := p.Stats()
			if plain && (st.Syncs >= n || st.Closed != n) || !plain && st.Syncs < n {
				t.Errorf("%d syncs for %d recordings, %d closed", st.Syncs, n, st.Closed)
			}
			if !plain {
				return // that disk is full from the start; that all are told is enough
			}
			for _, s := range sums {
				b, err := os.ReadFile(s.Path)
				if err != nil {
					t.Fatal(err)
				}
				if h := sha256.Sum256(b); hex.EncodeToString(h[:]) != s.SHA256 || int64(len(b)) != s.Bytes {
					t.Fatalf("%s is not what its summary says", s.Path)
				}
				if caller, _ := voices(t, s.Path); !bytes.Equal(caller, said) {
					t.Fatalf("%s does not hold what was said", s.Path)
				}
			}
		})
	}
}

// A single call among few does not wait for company.
func TestAFewAreSealedAtOnce(t *testing.T) {
	var r rate
	now := time.Unix(1000, 0)
	for i := range 100 { // 40 a second
		if r.high(now.Add(time.Duration(i)*25*time.Millisecond), 1) {
			t.Fatal("40 a second count as many")
		}
	}
	now = now.Add(time.Hour)
	high := false
	for i := range 1000 { // 500 a second
		high = r.high(now.Add(time.Duration(i)*2*time.Millisecond), 1)
	}
	if !high {
		t.Error("500 a second count as few")
	}
	if r.high(now.Add(time.Hour), 1) {
		t.Error("an hour later they still count")
	}
}

// Its owner closes a pool while recordings wait for company.
func TestStopDoesNotWaitForCompany(t *testing.T) {
	p := started(t, PoolConfig{})
	dir := t.TempDir()
	for i := range 200 {
		r := create(t, p, filepath.Join(dir, fmt.Sprintf("%d.wav", i)), nil)
		r.end(nil)
	}
	p.Stop()
	names, err := filepath.Glob(filepath.Join(dir, "*"+partSuffix))
	if err != nil || len(names) > 0 || p.Stats().Closed != 200 {
		t.Errorf("left: %v, %v; %d closed", names, err, p.Stats().Closed)
	}
	if _, err := p.Create(filepath.Join(dir, "late.wav"), nil); errors.Is(err, nil) {
		t.Error("a stopped pool takes a recording")
	}
}
