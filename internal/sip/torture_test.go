package sip

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// The situations of RFC 4475, each in a message of our own. want is the status that must come back: 1 means "a call was delivered",
// 0 "no answer and no harm", more than one number any of them. A message that breaks the framing may also close a TCP connection.
var tortures = []struct {
	name  string
	text  string // {via} {from} {to} {id} {contact} {uri} are filled in; line ends become CRLF
	want  []int
	noTCP bool // makes sense as a datagram only
}{
	// Section 3.1.1: valid but unusual.
	{name: "folded lines, compact names, odd blanks", want: []int{1}, text: `INVITE sip:102@{host};unknownparam SIP/2.0
t :
 sip:102@{host}  ;  other  = "x y"
f: "A \"quoted\" 
  name" <sip:a@example.com>
 ;
 tag = 98asjd8
MaX-fOrWaRdS: 0068
i: {id}
cseq: 0009
  INVITE
v: {via}
s:
UnknownHeader: with
 continuation
ROUTE:
 <sip:services.example.com;lr;unknown=no>
m:{contact}
c: application/sdp
l: {len}

{sdp}`},
	{name: "method of odd but legal characters", want: []int{405}, text: "!interesting-Method0123456789_*+`.%indeed'~ {uri} SIP/2.0\n{head !interesting-Method0123456789_*+`.%indeed'~}Content-Length: 0\n\n"},
	{name: "escapes in user parts", want: []int{1}, text: "INVITE sip:%31%30%32@{host} SIP/2.0\n{head INVITE}Content-Type: application/sdp\nContent-Length: {len}\n\n{sdp}"},
	{name: "escaped null characters", want: []int{481}, text: "NOTIFY sip:null-%00-null@{host} SIP/2.0\n{head NOTIFY}Content-Length: 0\n\n"},
	{name: "percent in a method is not an escape", want: []int{405}, text: "RE%47IST%45R {uri} SIP/2.0\n{head RE%47IST%45R}Content-Length: 0\n\n"},
	{name: "no blank before the angle bracket", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\nVia: {via}\nFrom: caller<sip:c@example.com>;tag=1\nTo: callee<sip:102@{host}>\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"},
	{name: "very long values", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}X-Long: " + strings.Repeat("long-value,", 300) + "\nContent-Length: 0\n\n"},
	{name: "bytes behind the end of the message", want: []int{200}, noTCP: true, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}Content-Length: 0\n\nINVITE sip:other@{host} SIP/2.0\n"},
	{name: "semicolon in the user part", want: []int{200}, text: "OPTIONS sip:user;par=u%40example.net@{host} SIP/2.0\n{head OPTIONS}Accept: application/sdp\nContent-Length: 0\n\n"},
	{name: "unknown transports further down the Via", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}Via: SIP/2.0/SCTP t4.example.com;branch=z9hG4bKb, SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bKc\nContent-Length: 0\n\n"},
	{name: "multipart body", want: []int{1}, text: "INVITE {uri} SIP/2.0\n{head INVITE}Content-Type: multipart/mixed;boundary=\"b o\"\nContent-Length: {len}\n\n--b o\nContent-Type: text/plain\n\nhello\n--b o\nContent-Type: application/sdp\n\n{sdp}\n--b o--\n"},
	{name: "response nobody waits for, empty phrase", want: []int{0}, text: "SIP/2.0 200 \n{head INVITE}Content-Length: 0\n\n"},
	{name: "response with a strange phrase", want: []int{0}, text: "SIP/2.0 200 = 2**3 * 5**2 \u0440\u0430\u0437\n{head INVITE}Content-Length: 0\n\n"},

	// Section 3.1.2: invalid.
	{name: "stray separators", want: []int{400, 1}, text: "INVITE {uri} SIP/2.0\nVia: {via};;,;,,\nFrom: {from};;;;\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nMax-Forwards: 70\nContact: {contact};;;;\nContent-Length: 0\n\n"},
	{name: "Content-Length longer than the datagram", want: []int{400}, noTCP: true, text: "INVITE {uri} SIP/2.0\n{head INVITE}Content-Type: application/sdp\nContent-Length: 9999\n\n{sdp}"},
	{name: "negative Content-Length", want: []int{400}, text: "INVITE {uri} SIP/2.0\n{head INVITE}Content-Length: -999\n\n"},
	{name: "numbers too large", want: []int{400}, text: "OPTIONS {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 36893488147419103232 OPTIONS\nMax-Forwards: 300\nContent-Length: 0\n\n"},
	{name: "Max-Forwards too large", want: []int{400}, text: "OPTIONS {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 300\nContent-Length: 0\n\n"},
	{name: "response with numbers too large", want: []int{0}, text: "SIP/2.0 503 Busy\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 9292394834772304023312 OPTIONS\nRetry-After: 949302838503028349304023988\nContent-Length: 0\n\n"},
	{name: "display name without closing quote", want: []int{400}, text: "INVITE {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: \"Mr. J. User <sip:102@{host}>\nCall-ID: {id}\nCSeq: 1 INVITE\nMax-Forwards: 70\nContact: {contact}\nContent-Length: 0\n\n"},
	{name: "angle brackets around the Request-URI", want: []int{0, 400, 416}, text: "INVITE <{uri}> SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "blank within the Request-URI", want: []int{0, 400}, text: "INVITE sip:102@{host}; lr SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "several blanks in the request line", want: []int{0, 400}, text: "INVITE  {uri}  SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "blank behind the request line", want: []int{0, 400}, text: "OPTIONS {uri} SIP/2.0 \n{head OPTIONS}Content-Length: 0\n\n"},
	{name: "headers in the Request-URI", want: []int{1, 400}, text: "INVITE sip:102@{host}?Route=%3Csip:example.com%3E SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "date in a strange zone", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}Date: Fri, 01 Jan 2010 16:00:00 EST\nContent-Length: 0\n\n"},
	{name: "addr-spec with headers but without brackets", want: []int{400, 1}, text: "INVITE {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nMax-Forwards: 70\nContact: sip:a@192.0.2.1?Route=%3Csip:x%3E\nContent-Length: 0\n\n"},
	{name: "blanks within the addr-spec", want: []int{400, 200}, text: "OPTIONS {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: \"W\" < sip:w@example.org >\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"},
	{name: "display name of no token", want: []int{200, 400}, text: "OPTIONS {uri} SIP/2.0\nVia: {via}\nFrom: B, A <sip:a@example.org>;tag=4\nTo: {to}\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"},
	{name: "unknown version", want: []int{505}, text: "OPTIONS {uri} SIP/7.0\n{head OPTIONS}Content-Length: 0\n\n"},
	{name: "method and CSeq differ", want: []int{400}, text: "OPTIONS {uri} SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "unknown method and CSeq differ", want: []int{400}, text: "NEWMETHOD {uri} SIP/2.0\n{head INVITE}Content-Length: 0\n\n"},
	{name: "response code beyond all bounds", want: []int{0}, text: "SIP/2.0 4294967301 better not\n{head INVITE}Content-Length: 0\n\n"},

	// Section 3.2 and 3.3: transaction and application layer.
	{name: "branch is the cookie alone", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\nVia: {via-cookie}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"},
	{name: "required headers missing", want: []int{400}, text: "INVITE {uri} SIP/2.0\nVia: {via}\nCSeq: 1 INVITE\nContent-Length: 0\n\n"},
	{name: "no Via at all", want: []int{0}, text: "INVITE {uri} SIP/2.0\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nContent-Length: 0\n\n"},
	{name: "unknown scheme", want: []int{416}, text: "OPTIONS nobodyknowsthis:totallyopaque SIP/2.0\n{head OPTIONS}Content-Length: 0\n\n"},
	{name: "known scheme of another world", want: []int{416, 0}, text: "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\n{head OPTIONS}Content-Length: 0\n\n"},
	{name: "unknown schemes in From and To", want: []int{1}, text: "INVITE {uri} SIP/2.0\nVia: {via}\nFrom: <http://www.example.com>;tag=3\nTo: isbn:2983792873\nCall-ID: {id}\nCSeq: 1 INVITE\nMax-Forwards: 70\nContact: {contact}\nContent-Length: 0\n\n"},
	{name: "required extensions unknown", want: []int{420}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}Require: nothingSupportsThis, nothingSupportsThisEither\nProxy-Require: noProxiesSupportThis\nContent-Length: 0\n\n"},
	{name: "unknown content", want: []int{415}, text: "INVITE {uri} SIP/2.0\n{head INVITE}Content-Type: application/unknownformat\nContent-Length: 8\n\n<audio/>"},
	{name: "unknown authorization scheme", want: []int{401}, text: "REGISTER sip:{host} SIP/2.0\n{head REGISTER}Authorization: NoOneKnowsThisScheme opaque-data=here\nContent-Length: 0\n\n"},
	{name: "single-value headers twice", want: []int{400}, text: "INVITE {uri} SIP/2.0\n{head INVITE}CSeq: 8 INVITE\nTo: sip:other@example.com;tag=1\nFrom: sip:x@example.com;tag=2\nCall-ID: second\nContent-Length: 0\n\n"},
	{name: "Content-Length twice", want: []int{400}, noTCP: true, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}Content-Length: 13\nContent-Length: 5\n\nThere's no way"},
	{name: "response to a broadcast Via", want: []int{0}, text: "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nContent-Length: 0\n\n"},
	{name: "request that asks for a broadcast", want: []int{200}, text: "OPTIONS {uri} SIP/2.0\nVia: SIP/2.0/{T} 255.255.255.255;branch=z9hG4bKbc{id};received=255.255.255.255\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"},
	{name: "Max-Forwards zero", want: []int{483}, text: "INVITE {uri} SIP/2.0\nVia: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nMax-Forwards: 0\nContact: {contact}\nContent-Length: 0\n\n"},
	{name: "no Max-Forwards, no tags, no branch (RFC 2543)", want: []int{1}, noTCP: true, text: "INVITE {uri} SIP/2.0\nVia: SIP/2.0/{T} {addr}\nFrom: <sip:a@example.com>\nTo: {to}\nCall-ID: {id}\nCSeq: 1 INVITE\nContact: {contact}\nContent-Type: application/sdp\n\n{sdp}"},
	{name: "header without a colon", want: []int{400}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}this is no header\nContent-Length: 0\n\n"},
	{name: "bare line feeds", want: []int{0, 400}, text: "OPTIONS {uri} SIP/2.0\n{head OPTIONS}X: a\rb\nContent-Length: 0\n\n"},
	{name: "nothing but a start line", want: []int{0}, noTCP: true, text: "OPTIONS {uri} SIP/2.0"},
	{name: "noise", want: []int{0}, text: "\x00\x01\x02\xff garbage \n\n"},
	{name: "HTTP", want: []int{0}, text: "GET / HTTP/1.1\nHost: x\n\n"},
}

func (p *peer) torture(text string) string {
	p.branch = "z9hG4bK" + newTag()
	id := newTag() + "@torture"
	host := p.to
	head := func(method string) string {
		return "Via: {via}\nFrom: {from}\nTo: {to}\nCall-ID: {id}\nCSeq: 1 " + method + "\nMax-Forwards: 70\nContact: {contact}\n"
	}
	for {
		i := strings.Index(text, "{head ")
		if i < 0 {
			break
		}
		end := i + strings.IndexByte(text[i:], '}')
		text = text[:i] + head(text[i+6:end]) + text[end+1:]
	}
	body := strings.ReplaceAll(offer, "\r\n", "\n")
	text = strings.ReplaceAll(text, "{sdp}", body)
	transport := strings.ToUpper(p.network)
	for k, v := range map[string]string{
		"{via}": p.via(), "{from}": "<sip:caller@example.com>;tag=f" + newTag(), "{to}": "<sip:102@" + host + ">", "{id}": id,
		"{contact}": "<sip:caller@" + p.addr() + ">", "{uri}": "sip:102@" + host, "{host}": host, "{addr}": p.addr(), "{T}": transport,
		"{via-cookie}": "SIP/2.0/" + transport + " " + p.addr() + ";branch=z9hG4bK;rport",
	} {
		text = strings.ReplaceAll(text, k, v)
	}
	text = strings.ReplaceAll(text, "\n", "\r\n")
	if _, b, ok := strings.Cut(text, "\r\n\r\n"); ok {
		text = strings.ReplaceAll(text, "{len}", strconv.Itoa(len(b)))
	}
	return text
}

func TestTortureMessages(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		r := start(t)
		for _, c := range tortures {
			if network == "tcp" && c.noTCP {
				continue
			}
			t.Run(network+"/"+c.name, func(t *testing.T) {
				p := newPeer(r, network, carrierIP)
				p.t = t
				if c.name == "unknown authorization scheme" {
					p = newPeer(r, network, phoneIP)
				}
				p.send(p.torture(c.text))
				got := -1
				closed := time.After(patience)
				q := newPeer(r, "udp", carrierIP) // asks afterwards, so what should have come has come
				q.send(q.text("OPTIONS", ""))
				q.take("200 OPTIONS")
				limit := time.After(150 * time.Millisecond)
				for got < 0 {
					select {
					case <-r.calls:
						got = 1
						continue
					case <-limit:
						got = 0
						continue
					case <-closed:
						t.Fatal("stuck")
					default:
					}
					p.mu.Lock()
					for _, m := range p.in {
						if m.code() >= 200 {
							got = m.code()
						}
					}
					p.mu.Unlock()
					if got < 0 {
						time.Sleep(time.Millisecond)
					}
				}
				for _, w := range c.want {
					if got == w {
						return
					}
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				for _, m := range p.seen {
					t.Log(m.start)
				}
				t.Fatalf("got %d, want one of %v", got, c.want)
			})
		}
	}
}
