package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"cagri/internal/event"
	"cagri/internal/store"
)

// checkRecordings reads every recording that the journal calls closed. c holds
// already what the journal itself has told about them.
func checkRecordings(ctx context.Context, rebuilt *store.Store, o Options, c *Check) (*Check, error) {
	switch {
	case !o.Files:
		if c.OK {
			c.Skipped = "the files were not asked for"
		}
		return c, nil
	case o.RecordDir == "":
		if c.OK {
			c.Skipped = "no folder for recordings is configured"
		}
		return c, nil
	}
	bytes := int64(0)
	err := rebuilt.StepsOfKind(ctx, string(event.RecordingClosed{}.Kind()), func(st store.Step) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		var d event.RecordingClosed
		if err := json.Unmarshal(st.Data, &d); err != nil {
			return fmt.Errorf("verify: event %s: %w", st.EventID, err)
		}
		c.Checked++
		bytes += d.Bytes
		if reason := checkFile(o.RecordDir, d); reason != "" {
			c.breach(Finding{Call: st.Call, Event: st.EventID, Reason: "recording " + d.File + " " + reason})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.note("%d bytes by the journal", bytes)
	return c, nil
}

// checkFile says what is wrong with a recording; empty when nothing is.
func checkFile(dir string, d event.RecordingClosed) string {
	name := filepath.FromSlash(d.File)
	if !filepath.IsLocal(name) {
		return "has a name that leads out of the folder of recordings"
	}
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "is missing"
	}
	if err != nil {
		return "cannot be opened: " + err.Error()
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	switch {
	case err != nil:
		return "cannot be read: " + err.Error()
	case n != d.Bytes:
		return fmt.Sprintf("has %d bytes, by the journal %d", n, d.Bytes)
	case hex.EncodeToString(h.Sum(nil)) != d.SHA256:
		return "was changed: its SHA-256 is not the one in the journal"
	}
	return ""
}
