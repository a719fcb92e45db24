package sip

import (
	"strconv"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// option is a set of option tags (RFC 3261 section 19.2) that we know.
type option uint8

const (
	opt100rel option = 1 << iota
	optTimer
	optReplaces
)

// message is one received message, its headers looked at once. Slices and strings point into the parsed message.
type message struct {
	req  *gosip.Request  // nil for a response
	res  *gosip.Response // nil for a request
	link link            // the way it came
	via  *gosip.ViaHeader

	method         string // of the request, or of CSeq in a response
	seq            uint32
	callID         string
	from, to       *gosip.FromHeader // To is kept in the same type
	fromTag, toTag string
	malformed      string // name of the first header that cannot be read, or what else is wrong

	require, supported     option
	unknown                []string // required options we do not know
	allowUpdate            bool
	sessionExpires, minSE  string
	rseq, rack             string
	replaces, reason       string
	join                   bool     // RFC 3911; not understood, and not to be had together with Replaces
	authorization          []string // Authorization
	proxyAuthorization     []string
	challenges, proxyChall []string
	asserted               []string
	privacy                string
	diversion, history     []string
	referTo, referredBy    string
	referSub               string
	contentType, encoding  string
	disposition            string
	retryAfter, minExpires string
	expires, userAgent     string
	timestamp              string
	recordRoute            []string
	contact                *gosip.ContactHeader // the first one
	contacts               []*gosip.ContactHeader
	maxForwards            int // -1: absent
	contentLength          int
	viaCount               int
	referTos               int
}

// headersKept are parsed by sipgo; everything else stays text until somebody needs it. Refer-To, Record-Route and Route are read by
// us because sipgo loses escapes and header parameters of theirs.
func newParser() *gosip.Parser {
	kept := make(map[string]gosip.HeaderParser)
	for name, parse := range gosip.DefaultHeadersParser() {
		switch name {
		case "refer-to", "referred-by", "route", "record-route", "content-type", "c":
			continue
		}
		kept[name] = lenient(parse)
	}
	return gosip.NewParser(gosip.WithHeadersParsers(kept))
}

// lenient keeps a header that cannot be parsed as text instead of giving up the whole message, so that the peer can be told 400.
// sipgo signals "another value after a comma" by an error of an unexported type, which must pass through unchanged.
func lenient(parse gosip.HeaderParser) gosip.HeaderParser {
	return func(name []byte, text string) (gosip.Header, error) {
		h, err := parse(name, text)
		if err == nil || err.Error() == "comma detected" {
			return h, err
		}
		if h := address2(string(name), text); h != nil {
			return h, nil
		}
		return gosip.NewHeader(string(name), text), nil
	}
}

// address2 is a second try at an address header, with our own reader, which minds blanks at more places (RFC 4475 section 3.1.1.1).
func address2(name, text string) gosip.Header {
	a, ok := parseAddress(text)
	if !ok {
		return nil
	}
	var u gosip.Uri
	if gosip.ParseUri(a.uri, &u) != nil || u.Wildcard {
		return nil
	}
	var params gosip.HeaderParams
	for _, p := range split(a.params, ';') {
		k, v, _ := strings.Cut(p, "=")
		params.Add(strings.TrimSpace(k), strings.TrimSpace(v))
	}
	display := strings.ReplaceAll(strings.ReplaceAll(a.name, `\`, `\\`), `"`, `\"`)
	switch strings.ToLower(name) {
	case "to", "t":
		return &gosip.ToHeader{DisplayName: display, Address: u, Params: params}
	case "from", "f":
		return &gosip.FromHeader{DisplayName: display, Address: u, Params: params}
	case "contact", "m":
		return &gosip.ContactHeader{DisplayName: display, Address: u, Params: params}
	}
	return nil
}

// read looks at every header once.
func read(m gosip.Message, l link) *message {
	in := &message{link: l, maxForwards: -1, contentLength: -1}
	var headers []gosip.Header
	switch m := m.(type) {
	case *gosip.Request:
		in.req, in.method = m, string(m.Method)
		headers = m.Headers()
	case *gosip.Response:
		in.res = m
		headers = m.Headers()
	}
	var from, to, cseq, callID, lengths int // From without tag is RFC 2543's null tag (RFC 3261 section 12.1.1)
	for _, h := range headers {
		switch h := h.(type) {
		case *gosip.ViaHeader:
			if in.via == nil {
				in.via = h
			}
			in.viaCount++
		case *gosip.FromHeader:
			from++
			in.from = h
			in.fromTag = tagOf(h.Params)
		case *gosip.ToHeader:
			to++
			in.to = &gosip.FromHeader{DisplayName: h.DisplayName, Address: h.Address, Params: h.Params}
			in.toTag = tagOf(h.Params)
		case *gosip.CallIDHeader:
			callID++
			in.callID = string(*h)
		case *gosip.CSeqHeader:
			cseq++
			in.seq = h.SeqNo
			// RFC 3261 section 20.16 allows more than one blank between the two.
			method := strings.TrimSpace(string(h.MethodName))
			if in.res != nil {
				in.method = method
			} else if !strings.EqualFold(method, in.method) { // sipgo turns the method of the request line into capitals
				in.bad("CSeq")
			}
		case *gosip.MaxForwardsHeader:
			in.maxForwards = int(min(h.Val(), 1<<20))
			if h.Val() > 255 {
				in.bad("Max-Forwards")
			}
		case *gosip.ContentLengthHeader:
			lengths++
			in.contentLength = int(*h)
		case *gosip.ContactHeader:
			if in.contact == nil {
				in.contact = h
			}
			in.contacts = append(in.contacts, h)
		default:
			in.text(h.Name(), h.Value())
		}
	}
	switch {
	case from != 1:
		in.bad("From")
	case to != 1:
		in.bad("To")
	case cseq != 1:
		in.bad("CSeq")
	case callID != 1:
		in.bad("Call-ID")
	case lengths > 1:
		in.bad("Content-Length")
	case in.contentLength > len(in.body()):
		in.bad("Content-Length")
	}
	return in
}

func (in *message) bad(what string) {
	if in.malformed == "" {
		in.malformed = what
	}
}

func tagOf(p gosip.HeaderParams) string {
	for _, kv := range p {
		if strings.EqualFold(strings.TrimSpace(kv.K), "tag") {
			return strings.TrimSpace(kv.V)
		}
	}
	return ""
}

// header gives access to the headers sipgo parsed.
func (in *message) header() gosip.Message {
	if in.req != nil {
		return in.req
	}
	return in.res
}

func (in *message) body() []byte {
	if in.req != nil {
		return in.req.Body()
	}
	return in.res.Body()
}

// text reads one header that sipgo kept as text. A header of a name sipgo parses ends here when it could not be parsed.
func (in *message) text(name, value string) {
	switch lower(name) {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "max-forwards", "content-length", "l", "contact", "m":
		in.bad(name)
	case "require", "proxy-require":
		known, unknown := options(value)
		in.require |= known
		in.unknown = append(in.unknown, unknown...)
	case "supported", "k":
		known, _ := options(value)
		in.supported |= known
	case "allow":
		in.allowUpdate = in.allowUpdate || hasToken(value, "UPDATE")
	case "session-expires", "x":
		in.sessionExpires = value
	case "min-se":
		in.minSE = value
	case "rseq":
		in.rseq = value
	case "rack":
		in.rack = value
	case "replaces":
		if in.replaces != "" {
			in.bad(name) // RFC 3891 section 3: at most one
		}
		in.replaces = value
		if value == "" {
			in.bad(name)
		}
	case "join":
		in.join = true
	case "reason":
		if in.reason == "" || strings.HasPrefix(lower(value), "q.850") {
			in.reason = value
		}
	case "authorization":
		in.authorization = append(in.authorization, value)
	case "proxy-authorization":
		in.proxyAuthorization = append(in.proxyAuthorization, value)
	case "www-authenticate":
		in.challenges = append(in.challenges, value)
	case "proxy-authenticate":
		in.proxyChall = append(in.proxyChall, value)
	case "p-asserted-identity":
		in.asserted = append(in.asserted, split(value, ',')...)
	case "privacy":
		in.privacy += ";" + value
	case "diversion":
		in.diversion = append(in.diversion, split(value, ',')...)
	case "history-info":
		in.history = append(in.history, split(value, ',')...)
	case "refer-to", "r":
		in.referTos++
		in.referTo = value
	case "referred-by", "b":
		in.referredBy = value
	case "refer-sub":
		in.referSub = value
	case "content-type", "c":
		in.contentType = value
	case "content-encoding", "e":
		in.encoding = value
	case "content-disposition":
		in.disposition = value
	case "retry-after":
		in.retryAfter = value
	case "expires":
		in.expires = value
	case "min-expires":
		in.minExpires = value
	case "user-agent":
		in.userAgent = value
	case "timestamp":
		in.timestamp = value
	case "record-route":
		in.recordRoute = append(in.recordRoute, split(value, ',')...)
	}
}

// lower is strings.ToLower without an allocation when there is nothing to do, and with sipgo's table for common names.
func lower(name string) string { return gosip.HeaderToLower(name) }

func options(list string) (known option, unknown []string) {
	for tag := range strings.SplitSeq(list, ",") {
		switch tag = strings.TrimSpace(tag); strings.ToLower(tag) {
		case "":
		case "100rel":
			known |= opt100rel
		case "timer":
			known |= optTimer
		case "replaces":
			known |= optReplaces
		default:
			unknown = append(unknown, tag)
		}
	}
	return known, unknown
}

func hasToken(list, token string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}

// split cuts a header value at sep outside quotes and angle brackets and trims the parts; empty parts are left out.
func split(s string, sep byte) []string {
	if strings.IndexByte(s, sep) < 0 {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		return []string{s}
	}
	var out []string
	quoted, bracket, start := false, false, 0
	add := func(end int) {
		if p := strings.TrimSpace(s[start:end]); p != "" {
			out = append(out, p)
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == sep && !bracket:
			add(i)
			start = i + 1
		}
	}
	add(len(s))
	return out
}

// sdp returns the session description of the message, nil when there is none; ok is false when there is a body that we cannot use
// (RFC 3261 section 8.2.3: 415).
func (in *message) sdp() (sdp []byte, ok bool) {
	body := in.body()
	if len(body) == 0 {
		return nil, true
	}
	if in.encoding != "" && !strings.EqualFold(strings.TrimSpace(in.encoding), "identity") {
		return nil, false
	}
	kind, params, _ := strings.Cut(in.contentType, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); {
	case kind == "application/sdp":
		return body, true
	case strings.HasPrefix(kind, "multipart/"):
		part := sdpPart(body, params)
		return part, part != nil
	}
	return nil, strings.Contains(strings.ToLower(in.disposition), "handling=optional")
}

// sdpPart finds the application/sdp part of a multipart body (RFC 2046 section 5.1.1).
func sdpPart(body []byte, params string) []byte {
	boundary := ""
	for _, p := range split(params, ';') {
		if k, v, ok := strings.Cut(p, "="); ok && strings.EqualFold(strings.TrimSpace(k), "boundary") {
			boundary = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	if boundary == "" {
		return nil
	}
	text := "\r\n" + string(body)
	for _, part := range strings.Split(text, "\r\n--"+boundary)[1:] {
		_, part, ok := strings.Cut(part, "\r\n") // rest of the boundary line
		head, content, ok2 := strings.Cut(part, "\r\n\r\n")
		if ok && ok2 && strings.Contains(strings.ToLower(head), "application/sdp") {
			return []byte(content)
		}
	}
	return nil
}

// seconds reads the leading number of Retry-After, Session-Expires and the like; -1 when there is none.
func seconds(s string) int64 {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end == 0 {
		return -1
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil || n > 1<<32-1 {
		return 1<<32 - 1
	}
	return n
}
