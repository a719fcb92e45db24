package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// holeGrain is the grain in which a power cut leaves zeros in a file.
const holeGrain = 512

// Repair makes a whole recording of what a killed process or a power cut has
// left, and describes it: the header is set to what is there, half samples at
// the end are cut off, the hash is made, a ".part" gets its final name. path is
// the final name or the one with ".part". A sound file is only read. Pauses are
// those in the header; one that was open ends with the audio.
//
// Repair must not be called for a recording in progress.
func Repair(path string) (Summary, error) {
	final := strings.TrimSuffix(path, partSuffix)
	part := final + partSuffix
	name, err := choose(final, part)
	if err != nil {
		return Summary{Path: final}, err
	}
	s, err := repairFile(name, name == final)
	s.Path = final
	if err == nil && name == part {
		if err = rename(part, final); err == nil {
			err = syncDir(filepath.Dir(final))
		}
	}
	if err != nil {
		s.Err = err.Error()
		return s, fmt.Errorf("record: repair %s: %w", name, err)
	}
	return s, nil
}

// Leftovers lists the recordings below dir that a crash has left unfinished, by
// their final names, for Repair. Call it before a pool writes to dir.
func Leftovers(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() && strings.HasSuffix(path, partSuffix) {
			names = append(names, strings.TrimSuffix(path, partSuffix))
		}
		return nil
	})
	if err != nil {
		return names, fmt.Errorf("record: look for leftovers: %w", err)
	}
	return names, nil
}

// choose says which of the two names there is.
func choose(final, part string) (string, error) {
	_, finalErr := os.Lstat(final)
	_, partErr := os.Lstat(part)
	switch {
	case finalErr == nil && partErr == nil:
		return "", fmt.Errorf("%w: both %s and %s; remove or rename one of them", ErrExists, final, part)
	case partErr == nil:
		return part, nil
	case finalErr == nil:
		return final, nil
	case !errors.Is(partErr, fs.ErrNotExist):
		return "", partErr
	}
	return "", finalErr
}

// repairFile does the work. A finished file whose header fits is trusted; a
// part never is, as its pages may have reached the disk in any order.
func repairFile(name string, finished bool) (Summary, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return Summary{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Summary{}, err
	}
	l, sound, err := inspect(f, info.Size())
	if err != nil {
		return Summary{}, err
	}
	sound = sound && finished
	if !sound {
		if l, err = mend(f, info.Size(), l); err != nil {
			return Summary{}, err
		}
	}
	size := l.dataAt + l.dataLen
	if sound {
		size = info.Size() // chunks after the audio belong to the file
	}
	found, err := scan(io.NewSectionReader(f, 0, size), size, l.dataAt, make([]byte, scanBuffer))
	if err != nil {
		return Summary{}, err
	}
	return Summary{
		Duration: sampleTime(l.dataLen / channels), Bytes: size, SHA256: found.sha,
		Pauses: endMarks(l), Voiced: found.voiced,
	}, nil
}

// inspect reads a file's header; sound says that it fits the file.
func inspect(f *os.File, size int64) (l layout, sound bool, err error) {
	l, err = readLayout(f, size)
	if err == nil {
		open := len(l.pauses) > 0 && l.pauses[len(l.pauses)-1].To == 0
		return l, !open && l.dataLen%channels == 0 &&
			(l.dataAt+l.dataLen == size || l.dataAt != headerSize && l.dataAt+l.dataLen < size), nil
	}
	// A header that never reached the disk is empty: cut short or zeros. Then
	// the layout is known, as we are the only writers. Anything else is not ours.
	head := make([]byte, min(size, headerSize))
	if _, e := f.ReadAt(head, 0); e != nil {
		return l, false, e
	}
	if len(bytes.Trim(head, "\x00")) > 0 && (size >= headerSize || !bytes.HasPrefix(head, []byte("RIFF"))) {
		return l, false, err
	}
	return layout{dataAt: headerSize}, false, nil
}

// mend sets the header to what is in the file.
func mend(f *os.File, size int64, l layout) (layout, error) {
	if l.dataAt != headerSize {
		return l, fmt.Errorf("%w: audio starts at byte %d, not %d: not written by this program; its header is wrong",
			ErrNotRecording, l.dataAt, headerSize)
	}
	l.dataLen = max(0, size-headerSize) / channels * channels
	l.dataLen = min(l.dataLen, maxSamples*channels)
	if err := fillHoles(f, l.dataLen); err != nil {
		return l, err
	}
	var page [headerSize]byte
	putHeader(&page, l.dataLen/channels, endMarks(l))
	if _, err := f.WriteAt(page[:], 0); err != nil {
		return l, err
	}
	if err := f.Truncate(headerSize + l.dataLen); err != nil {
		return l, err
	}
	return l, f.Sync()
}

// fillHoles replaces stretches of zeros, which no voice is, by silence: after a
// power cut a file may be as long as it was but for some of its pages.
func fillHoles(f *os.File, dataLen int64) error {
	buf, zero := make([]byte, scanBuffer), make([]byte, holeGrain)
	for at := int64(0); at < dataLen; at += scanBuffer {
		n := min(scanBuffer, dataLen-at)
		if _, err := f.ReadAt(buf[:n], headerSize+at); err != nil {
			return err
		}
		for k := int64(0); k < n; k += holeGrain {
			grain := min(holeGrain, n-k)
			if grain < holeGrain/4 || !bytes.Equal(buf[k:k+grain], zero[:grain]) {
				continue
			}
			if _, err := f.WriteAt(silent[:grain], headerSize+at+k); err != nil {
				return err
			}
		}
	}
	return nil
}

// endMarks ends an open pause with the audio.
func endMarks(l layout) []Pause {
	end := sampleTime(l.dataLen / channels)
	for i := range l.pauses {
		if p := &l.pauses[i]; p.To == 0 || p.To > end {
			p.To = max(p.From, end)
		}
	}
	return l.pauses
}

// ReadFile gives the two voices of a recording as A-law, of equal length. It
// reads finished files and those in progress.
func ReadFile(path string) (caller, agent []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	l, err := readLayout(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	n := min(l.dataLen, max(0, info.Size()-l.dataAt)) / channels
	audio := make([]byte, n*channels)
	if _, err := f.ReadAt(audio, l.dataAt); err != nil {
		return nil, nil, fmt.Errorf("record: %w", err)
	}
	caller, agent = make([]byte, n), make([]byte, n)
	for i := range caller {
		caller[i], agent[i] = audio[2*i], audio[2*i+1]
	}
	return caller, agent, nil
}
