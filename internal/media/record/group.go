package record

import (
	"path/filepath"
	"sync"
	"time"
)

const (
	// From groupLeast recordings in groupEvery on they are sealed together: a sync of
	// the file system costs about as much as that of a few files, and one of each file
	// and its directory wakes the disk twice.
	groupLeast = 32
	groupEvery = 500 * time.Millisecond
)

// rate counts what ends in windows of groupEvery.
type rate struct {
	begin         time.Time // of the window
	before, count int       // in the window before, and in this one
}

// high counts n more and tells whether it is worth waiting for others.
func (r *rate) high(now time.Time, n int) bool {
	switch past := now.Sub(r.begin); {
	case past > 2*groupEvery:
		*r = rate{begin: now}
	case past > groupEvery:
		*r = rate{begin: now, before: r.count}
	}
	r.count += n
	return max(r.before, r.count) >= groupLeast
}

// gather is the goroutine that hands recordings to the finishers: one at a time
// as long as few end, and in groups when many do.
func (p *Pool) gather() {
	var batch []*Recording
	var last time.Time // of a batch
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for rate := (rate{}); ; {
		r, ok := p.ended.pop()
		if !ok {
			return
		}
		batch = p.ended.popAll(append(batch[:0], r))
		busy := rate.high(time.Now(), len(batch))
		if wait := groupEvery - time.Since(last); busy && wait > 0 {
			pause.Reset(wait)
			select {
			case <-pause.C:
			case <-p.hurry:
			}
			n := len(batch)
			batch = p.ended.popAll(batch)
			rate.count += len(batch) - n
		}
		last = time.Now()
		if len(batch) >= groupLeast {
			p.sealAll(batch)
		} else {
			for _, r := range batch {
				p.finishers.push(func(buf []byte) { p.seal(r, buf) })
			}
		}
		for range batch {
			p.ended.done()
		}
		clear(batch)
	}
}

// sealAll seals many recordings with one sync of what is in the files and one of
// each directory.
func (p *Pool) sealAll(batch []*Recording) {
	list := make([]*sealing, len(batch))
	dirs := map[string][]*sealing{}
	for i, r := range batch {
		list[i] = r.cede()
		if list[i].f != nil {
			dir := filepath.Dir(r.path)
			dirs[dir] = append(dirs[dir], list[i])
		}
	}
	var named sync.WaitGroup
	for _, group := range dirs {
		// Where it fails, each file says for itself what is wrong.
		synced := syncAll(group[0].f) == nil
		if synced {
			p.count.syncs.Add(1)
		}
		for _, s := range group {
			named.Add(1)
			p.finishers.push(func(buf []byte) {
				defer named.Done()
				s.name(synced, buf)
			})
		}
	}
	named.Wait()
	for dir, group := range dirs {
		err := syncDir(dir)
		for _, s := range group {
			if s.err == nil {
				s.err = err
			}
		}
	}
	for _, s := range list {
		s.conclude(p)
	}
}
