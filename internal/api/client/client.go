package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Files that a running server leaves in its data folder.
const (
	RunFile   = "running.json" // a Running; gone when the server stopped in order
	TokenFile = "api.token"    // what the HTTP door wants to see
)

// Running says where a server is to be found.
type Running struct {
	PID   int      `json:"pid"`
	HTTP  string   `json:"http"`  // host:port
	SIP   []string `json:"sip"`   // network:host:port
	Data  string   `json:"data"`  // folder
	Token string   `json:"token"` // file
}

// ErrNoServer: nothing runs on this data folder.
var ErrNoServer = errors.New("no server is running here: start it with `cagri serve`, or give its configuration with -c")

// Client speaks to the running server of a data folder.
type Client struct {
	base, token string
	http        http.Client
}

// Connect finds the running server by the note it left in its data folder.
func Connect(dir string) (*Client, error) {
	b, err := os.ReadFile(filepath.Join(dir, RunFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNoServer
	} else if err != nil {
		return nil, err
	}
	var run Running
	if err := json.Unmarshal(b, &run); err != nil {
		return nil, fmt.Errorf("%s: %w", RunFile, err)
	}
	token, err := os.ReadFile(filepath.Join(dir, TokenFile))
	if err != nil {
		return nil, err
	}
	c := &Client{base: "http://" + run.HTTP, token: string(bytes.TrimSpace(token)), http: http.Client{Timeout: 5 * time.Minute}}
	return c, nil
}

// Do sends in (nil: nothing) and reads the answer into out (nil: not wanted).
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w (%v)", ErrNoServer, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		var p struct {
			Detail string `json:"detail"`
			Errors []struct {
				Message  string `json:"message"`
				Location string `json:"location"`
			} `json:"errors"`
		}
		_ = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&p)
		for _, e := range p.Errors {
			p.Detail += fmt.Sprintf("; %s %s", e.Location, e.Message)
		}
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, p.Detail)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case io.Writer:
		_, err := io.Copy(out, res.Body)
		return err
	default:
		return json.NewDecoder(res.Body).Decode(out)
	}
}
