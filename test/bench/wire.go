package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
)

// message is a SIP message, read only as far as the generator needs it.
type message struct {
	raw    []byte
	method string // of a request; empty for a response
	uri    string
	status int
}

// parse reads the first line; false for what is no SIP message.
func parse(b []byte) (message, bool) {
	m := message{raw: b}
	line, _, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok {
		return m, false
	}
	first := string(line)
	if rest, is := strings.CutPrefix(first, "SIP/2.0 "); is {
		_, err := fmt.Sscanf(rest, "%d", &m.status)
		return m, err == nil
	}
	f := strings.Fields(first)
	if len(f) != 3 {
		return m, false
	}
	m.method, m.uri = f[0], f[1]
	return m, true
}

// header gives the value of the first header of that name; short is its compact
// form (RFC 3261 7.3.3) or empty.
func (m message) header(name, short string) string {
	rest := m.raw
	for {
		line, more, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok || len(line) == 0 {
			return ""
		}
		if k, v, is := bytes.Cut(line, []byte(":")); is {
			key := strings.TrimSpace(string(k))
			if strings.EqualFold(key, name) || short != "" && strings.EqualFold(key, short) {
				return strings.TrimSpace(string(v))
			}
		}
		rest = more
	}
}

// headers gives all lines of that name, whole, for copying into a response.
func (m message) headers(name, short string) string {
	var out strings.Builder
	rest := m.raw
	for {
		line, more, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok || len(line) == 0 {
			return out.String()
		}
		if k, _, is := bytes.Cut(line, []byte(":")); is {
			key := strings.TrimSpace(string(k))
			if strings.EqualFold(key, name) || short != "" && strings.EqualFold(key, short) {
				out.Write(line)
				out.WriteString("\r\n")
			}
		}
		rest = more
	}
}

// body is what follows the empty line.
func (m message) body() string {
	_, b, _ := bytes.Cut(m.raw, []byte("\r\n\r\n"))
	return string(b)
}

// uriOf takes the URI out of a Contact, From or To value.
func uriOf(v string) string {
	if i := strings.IndexByte(v, '<'); i >= 0 {
		if j := strings.IndexByte(v[i:], '>'); j > 0 {
			return v[i+1 : i+j]
		}
	}
	uri, _, _ := strings.Cut(v, ";")
	return uri
}

// userOf takes the user part out of a URI or a header value.
func userOf(v string) string {
	uri := uriOf(v)
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return ""
	}
	user, _, _ := strings.Cut(rest, "@")
	return user
}

// mediaPort reads the port of the first m=audio line.
func mediaPort(sdp string) int {
	_, rest, ok := strings.Cut(sdp, "m=audio ")
	if !ok {
		return 0
	}
	var port int
	if _, err := fmt.Sscanf(rest, "%d", &port); err != nil {
		return 0
	}
	return port
}

// offerPCMA is the session description of the scenario: PCMA, 20 ms, no
// telephone-event.
func offerPCMA(port int) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n", port)
}

// authorize answers an MD5 challenge (RFC 2617) of the server.
func authorize(challenge, method, uri, user, password string) string {
	p := map[string]string{}
	for _, part := range strings.Split(strings.TrimPrefix(challenge, "Digest "), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		p[strings.ToLower(k)] = strings.Trim(v, `"`)
	}
	h := func(s string) string { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }
	const nc, cnonce = "00000001", "0a4f113b"
	ha1 := h(user + ":" + p["realm"] + ":" + password)
	ha2 := h(method + ":" + uri)
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5`, user, p["realm"], p["nonce"], uri)
	if op := p["opaque"]; op != "" {
		out += fmt.Sprintf(`, opaque="%s"`, op)
	}
	if strings.Contains(p["qop"], "auth") {
		return out + fmt.Sprintf(`, qop=auth, nc=%s, cnonce="%s", response="%s"`, nc, cnonce, h(ha1+":"+p["nonce"]+":"+nc+":"+cnonce+":auth:"+ha2))
	}
	return out + fmt.Sprintf(`, response="%s"`, h(ha1+":"+p["nonce"]+":"+ha2))
}

// md5Challenge picks the MD5 challenge among those of a 401.
func md5Challenge(m message) string {
	for _, line := range strings.Split(m.headers("WWW-Authenticate", ""), "\r\n") {
		_, v, _ := strings.Cut(line, ":")
		if v = strings.TrimSpace(v); strings.Contains(v, "MD5") || v != "" && !strings.Contains(v, "algorithm") {
			return v
		}
	}
	return ""
}
