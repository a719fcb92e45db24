package system

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// CANCEL that comes after the 200 changes nothing: the citizen has to confirm and
// hang up.
func TestCancelAfterAnswer(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.ready(0)
	c := h.sipp(play{Scenario: "cancel_after", Calls: 10, Rate: 20})
	c.ends()
	for n := range 10 {
		h.ended(h.callOf(c.callID(n + 1)).ID)
	}
	h.atRest(0)
	h.proven()
}

// CANCEL leaves together with the INVITE, or is even faster on the way: whoever wins,
// the call is over in the end. A 487 is confirmed; a 200 that was on its way is
// confirmed and ended. This one does without sipp, which cannot send while an answer
// comes.
func TestCancelCrossesAnswer(t *testing.T) {
	t.Parallel()
	h := open(t, plan{})
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(carrierIP)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server, err := net.ResolveUDPAddr("udp4", h.sip())
	if err != nil {
		t.Fatal(err)
	}
	me := conn.LocalAddr().String()
	answered, cancelled := 0, 0
	for n := range 20 {
		id, tag := fmt.Sprintf("cross%d-%d", n, time.Now().UnixNano()), ""
		request := func(method string, cseq int, branch string) {
			body := ""
			if method == "INVITE" {
				body = "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
			}
			_, _ = conn.WriteToUDP(fmt.Appendf(nil, "%[1]s sip:108@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[4]s%[5]s\r\nFrom: <sip:1@%[3]s>;tag=a\r\n"+
				"To: <sip:108@%[2]s>%[6]s\r\nCall-ID: %[4]s\r\nCSeq: %[7]d %[1]s\r\nContact: <sip:1@%[3]s>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: %[8]d\r\n\r\n%[9]s",
				method, server, me, id, branch, tag, cseq, len(body), body), server)
		}
		if n%2 == 0 {
			request("INVITE", 1, "i")
			request("CANCEL", 1, "i")
		} else { // overtaken on the way; then the citizen's side repeats it
			request("CANCEL", 1, "i")
			request("INVITE", 1, "i")
			request("CANCEL", 1, "i")
		}
		buf := make([]byte, 4096)
		for over := false; !over; {
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			k, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("call %d: no final answer to INVITE: %v", n, err)
			}
			m := string(buf[:k])
			if !strings.HasPrefix(m, "SIP/2.0 ") || !strings.Contains(m, "Call-ID: "+id) || !strings.Contains(m, "CSeq: 1 INVITE") {
				continue
			}
			if _, to, ok := strings.Cut(m, "\r\nTo: "); ok {
				to, _, _ = strings.Cut(to, "\r\n")
				if i := strings.Index(to, ";tag="); i > 0 {
					tag = to[i:]
				}
			}
			switch m[8] {
			case '1':
			case '2':
				answered++
				request("ACK", 1, "a")
				request("BYE", 2, "b")
				over = true
			default:
				cancelled++
				request("ACK", 1, "i")
				over = true
			}
		}
		h.ended(h.callOf(id).ID)
	}
	t.Logf("%d answered, %d cancelled", answered, cancelled)
	h.atRest()
	h.proven()
}

// A phone cancels its call to a colleague while it rings, and while it is answered.
func TestPhoneCancels(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	other := h.phone(set{User: user(1), Hz: agentHz(1), Manual: true})
	h.ready(1)
	for n, picksUp := range []bool{false, true, true, true} {
		c := h.sipp(play{Scenario: "change_of_mind", IP: phoneIP, Service: user(1), Keys: []string{"who", user(0)},
			Args: []string{"-au", user(0), "-ap", password, "-auth_uri", user(1) + "@" + h.sip()}})
		other.comes("CALL_INCOMING", n+1)
		var both sync.WaitGroup
		if picksUp {
			both.Go(func() { other.send("accept", "") })
		}
		both.Go(c.cue)
		both.Wait()
		c.ends()
		other.comes("CALL_CLOSED", n+1)
		h.atRest(1)
	}
	h.proven()
}

// The citizen gives up while the agent's phone rings, and at the moment of picking up.
func TestCitizenLeavesWhileItRings(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{})
	agent := h.phone(set{User: user(0), Hz: agentHz(0), Manual: true})
	h.ready(0)
	for n, picksUp := range []bool{false, true, true, true, true} {
		c := h.sipp(play{Scenario: "call"})
		agent.comes("CALL_INCOMING", n+1)
		var both sync.WaitGroup
		if picksUp {
			both.Go(func() { agent.send("accept", "") })
		}
		both.Go(c.cue)
		both.Wait()
		c.ends()
		agent.comes("CALL_CLOSED", n+1)
		if d := h.ended(h.callOf(c.id).ID); !picksUp && d.Outcome != "abandoned" {
			t.Errorf("the citizen left while it rang: outcome %q", d.Outcome)
		}
		h.atRest(0)
	}
	h.proven()
}

var stamp = regexp.MustCompile(`(?m)^-+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)\nUDP message (received|sent)[^\n]*\n\n([^\n]*)`)

// times are the moments at which messages of a start line came in, for the call.
func (s *sipp) times(start, callID string) (out []time.Time) {
	all := s.messages()
	for _, m := range stamp.FindAllStringSubmatchIndex(all, -1) {
		if all[m[4]:m[5]] != "received" || !strings.HasPrefix(all[m[6]:m[7]], start) {
			continue
		}
		body := all[m[6]:]
		if end := strings.Index(body, "\n-----"); end > 0 {
			body = body[:end]
		}
		if !strings.Contains(body, "Call-ID: "+callID) {
			continue
		}
		at, err := time.ParseInLocation("2006-01-02 15:04:05.000000", all[m[2]:m[3]], time.Local)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, at)
	}
	return out
}

// Twenty citizens whose ACK never arrives: the server repeats its 200 at doubling
// intervals, gives up after 64 T1 with BYE, and keeps no agent.
func TestLostACK(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	const t1 = 100 * time.Millisecond
	h := open(t, plan{Agents: 2, T1: t1})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0, 1)
	c := h.sipp(play{Scenario: "no_ack", Calls: 20, AtOnce: 20, Rate: 20})
	c.ends()
	for n := 1; n <= 20; n++ {
		id := c.callID(n)
		oks, byes := c.times("SIP/2.0 200", id), c.times("BYE", id)
		if len(oks) < 6 || len(byes) == 0 {
			t.Errorf("call %d: %d times 200, %d times BYE", n, len(oks), len(byes))
			continue
		}
		for i, want := 1, t1; i < len(oks); i++ {
			if got := oks[i].Sub(oks[i-1]); got < want*7/10 || got > want*2+500*time.Millisecond {
				t.Errorf("call %d: repeat %d of 200 came after %s, not about %s", n, i, got, want)
			}
			want = min(2*want, 4*time.Second)
		}
		if got := byes[0].Sub(oks[0]); got < 60*t1 || got > 64*t1+2*time.Second {
			t.Errorf("call %d: BYE came %s after the first 200, not 64 T1 = %s", n, got, 64*t1)
		}
		if d := h.ended(h.callOf(id).ID); d.EndedBy != "system" {
			t.Errorf("call %d: ended by %q, %q", n, d.EndedBy, d.Reason)
		}
	}
	h.atRest(0, 1)
	h.proven()
}

// BYE of the server that gets lost is repeated until it is answered, or until 64 T1
// are over; the call is closed at once in both cases.
func TestLostBYE(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2, T1: 100 * time.Millisecond})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0, 1)
	const each = 10
	deaf := h.sipp(play{Scenario: "deaf_bye", Calls: each, AtOnce: each, Rate: 20})
	dead := h.sipp(play{Scenario: "dead_bye", Calls: each, AtOnce: each, Rate: 20})
	for _, c := range []*sipp{deaf, dead} {
		for n := range each {
			id := h.callOf(c.callID(n + 1)).ID
			h.comes(id, "queue.entered", 1)
			h.mustDo("POST", "/v1/calls/"+id+"/hangup", nil, nil)
			h.ended(id)
		}
	}
	h.atRest(0, 1)
	deaf.ends()
	dead.ends()
	for n := range 2 * each {
		c := []*sipp{deaf, dead}[n%2]
		byes := c.times("BYE", c.callID(n/2+1))
		if least := []int{3, 6}[n%2]; len(byes) < least {
			t.Errorf("%s, call %d: BYE came %d times, not %d or more", c.name, n/2+1, len(byes), least)
		}
		for i, want := 1, 100*time.Millisecond; i < len(byes); i++ {
			if got := byes[i].Sub(byes[i-1]); got < want*7/10 {
				t.Errorf("%s, call %d: repeat %d of BYE came after %s, not about %s", c.name, n/2+1, i, got, want)
			}
			want = min(2*want, 4*time.Second)
		}
	}
	h.proven()
}

// Forty short calls by impatient citizens at changing moments leave nothing behind.
func TestImpatientCitizens(t *testing.T) {
	needs(t, "sipp", "baresip")
	t.Parallel()
	h := open(t, plan{Agents: 2})
	h.phone(set{User: user(0), Hz: agentHz(0)})
	h.phone(set{User: user(1), Hz: agentHz(1)})
	h.ready(0, 1)
	var runs []*sipp
	for i := range 8 {
		runs = append(runs, h.sipp(play{Scenario: "leave", Calls: 5, Rate: 4, Args: []string{"-d", fmt.Sprint(20 + 130*i)}}))
	}
	for _, c := range runs {
		c.ends()
		for n := range 5 {
			h.ended(h.callOf(c.callID(n + 1)).ID)
		}
	}
	h.atRest(0, 1)
	h.proven()
}
