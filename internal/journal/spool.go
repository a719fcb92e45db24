package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool is the waiting file: packs in order of arrival, each as its id and its
// events, both with their length before them. Its reader is the journal's writer; its file is emptied when all
// has been read. The journal's mutex guards it.
type spool struct {
	f     *os.File
	end   int64 // bytes written
	begin int64 // bytes read and stored
}

const spoolMost = 1 << 20 // neither an event nor a pack is larger

func openSpool(path string) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &spool{f: f}
	// A crash may have cut the last entry: keep what is whole.
	for {
		_, n, err := s.at(s.end)
		if err != nil {
			break
		}
		s.end += n
	}
	return s, f.Truncate(s.end)
}

func (s *spool) size() int64 { return s.end - s.begin }

func (s *spool) add(e entry) error {
	b := make([]byte, 0, 8+len(e.id)+len(e.data))
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.id))), e.id...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(e.data))), e.data...)
	if _, err := s.f.WriteAt(b, s.end); err != nil {
		return fmt.Errorf("waiting file: %w", err)
	}
	s.end += int64(len(b))
	return nil
}

// at reads the entry at offset and its length in bytes.
func (s *spool) at(offset int64) (entry, int64, error) {
	r := bufio.NewReader(io.NewSectionReader(s.f, offset, 3*spoolMost))
	var e entry
	total := int64(0)
	for _, part := range []*string{&e.id, nil} {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return e, 0, err
		}
		n := binary.BigEndian.Uint32(head[:])
		if n > spoolMost {
			return e, 0, errors.New("waiting file: an entry is damaged")
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return e, 0, err
		}
		if part != nil {
			*part = string(b)
		} else {
			e.data = b
		}
		total += 4 + int64(n)
	}
	e.n = 1 + bytes.Count(e.data, []byte{'\n'})
	return e, total, nil
}

// first gives up to n entries from the beginning, and how many bytes they are.
func (s *spool) first(n int) (out []entry, size int64, err error) {
	for at := s.begin; at < s.end && len(out) < n; {
		e, n, err := s.at(at)
		if err != nil {
			return out, size, err
		}
		out = append(out, e)
		at += n
		size += n
	}
	return out, size, nil
}

// drop forgets the first n bytes; the file is emptied with the last of them.
func (s *spool) drop(n int64) {
	s.begin += n
	if s.begin >= s.end {
		s.begin, s.end = 0, 0
		_ = s.f.Truncate(0)
	}
}

func (s *spool) close() { _ = s.f.Close() }
