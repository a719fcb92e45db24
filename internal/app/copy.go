package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"cagri/internal/directory"
)

// copyFile, in the data folder, is the directory as this server read it last. A start
// without the database answers for the same bodies and numbers by it. It holds the
// hashes of phones' passwords, like the database.
const copyFile = "directory.json"

// directoryCopy is the whole book.
type directoryCopy struct {
	Revision int64         `json:"revision"`
	Versions []versionCopy `json:"versions"`
}

type versionCopy struct {
	Kind     directory.Kind  `json:"kind"`
	ID       string          `json:"id"`
	N        int             `json:"n"`
	From     time.Time       `json:"from"`
	Until    time.Time       `json:"until,omitzero"`
	Body     string          `json:"body,omitempty"`
	Document json.RawMessage `json:"document,omitempty"` // none: there is no such record in this time
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at"`
	Reason   string          `json:"reason,omitempty"`
	Revision int64           `json:"revision"`
}

// keepCopy writes the copy anew: the old one is there until the new one is whole.
func keepCopy(dir string, b *directory.Book) error {
	c := directoryCopy{Revision: b.Revision()}
	for _, ref := range b.All() {
		for _, v := range b.Versions(ref) {
			k := versionCopy{Kind: v.Kind, ID: v.ID, N: v.N, From: v.From, Until: v.Until, Body: v.Body, By: v.By, At: v.At, Reason: v.Reason, Revision: v.Revision}
			if v.Record != nil {
				k.Document = directory.Encode(v.Record, true).JSON()
			}
			c.Versions = append(c.Versions, k)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("copy of the directory: %w", err)
	}
	name := filepath.Join(dir, copyFile)
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("copy of the directory: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return fmt.Errorf("copy of the directory: %w", err)
	}
	return nil
}

// readCopy reads the copy; nil when there is none. Half a directory would send calls
// astray, so one that cannot be read whole is not read.
func readCopy(dir string) (*directory.Book, error) {
	text, err := os.ReadFile(filepath.Join(dir, copyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("copy of the directory: %w", err)
	}
	var c directoryCopy
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("copy of the directory: %w", err)
	}
	versions := make([]directory.Version, 0, len(c.Versions))
	for _, k := range c.Versions {
		v := directory.Version{
			Ref: directory.Ref{Kind: k.Kind, ID: k.ID}, N: k.N, From: k.From, Until: k.Until, Body: k.Body, By: k.By, At: k.At, Reason: k.Reason, Revision: k.Revision,
		}
		if directory.New(k.Kind, k.ID) == nil {
			return nil, fmt.Errorf("copy of the directory: this program does not know the kind %q", k.Kind)
		}
		if len(k.Document) > 0 {
			n, err := directory.ParseJSON(k.Document)
			if err != nil {
				return nil, fmt.Errorf("copy of the directory: %s %s: %w", k.Kind, k.ID, err)
			}
			record, problems := directory.Decode(k.Kind, k.ID, n)
			if len(problems) > 0 {
				return nil, fmt.Errorf("copy of the directory: %s %s: %w", k.Kind, k.ID, problems)
			}
			v.Record = record
		}
		versions = append(versions, v)
	}
	return directory.NewBook(c.Revision, versions), nil
}
