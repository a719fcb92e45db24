package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"cagri/internal/api/client"
	"cagri/internal/media/record"
	"cagri/internal/media/tone"
)

// ServerCall is what is read of a call from the server's journal projection.
type ServerCall struct {
	ID        string    `json:"id"`
	SIPCallID string    `json:"sip_call_id"`
	Calling   string    `json:"calling"`
	Called    string    `json:"called"`
	Queue     string    `json:"queue"`
	Agent     string    `json:"agent"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	WaitMS    int64     `json:"wait_ms"`
	TalkMS    int64     `json:"talk_ms"`
	EndedAt   time.Time `json:"ended_at"`
}

// Summary is the end of the play: figures, and everything that does not add up.
type Summary struct {
	Placed       int           `json:"placed"`
	Connected    int           `json:"connected"`
	Answered     int           `json:"answered_by_agent"`
	Within       int           `json:"answered_in_30s"`
	Abandoned    int           `json:"abandoned"`
	Other        int           `json:"other"`
	MeanWait     time.Duration `json:"mean_wait_ns"`
	MaxWait      time.Duration `json:"max_wait_ns"`
	Recordings   int           `json:"recordings"`
	BothVoices   int           `json:"recordings_with_both_voices"`
	MOSMin       float64       `json:"mos_min"`
	MOSMean      float64       `json:"mos_mean"`
	ServerCPU    time.Duration `json:"server_cpu_ns"`
	Verified     bool          `json:"verified"`
	VerifyText   string        `json:"verify_text,omitempty"`
	Faults       []string      `json:"faults"`
	AgentPickUps int           `json:"agent_pick_ups"`
}

func (s *Summary) fault(format string, a ...any) {
	s.Faults = append(s.Faults, fmt.Sprintf(format, a...))
}

// target of the demo's queue.
const target = 30 * time.Second

// FetchCalls reads every call of the server.
func FetchCalls(ctx context.Context, c *client.Client) ([]ServerCall, error) {
	var all []ServerCall
	after := ""
	for {
		var page struct {
			Calls []ServerCall `json:"calls"`
		}
		if err := c.Do(ctx, "GET", "/v1/calls?limit=500&after="+after, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Calls...)
		if len(page.Calls) < 500 {
			return all, nil
		}
		after = page.Calls[len(page.Calls)-1].ID
	}
}

// Check holds what the players saw against what the server has written down: no
// call lost, every recording with both voices, every counter right.
func Check(ctx context.Context, t *Theatre, seen Tally) (Summary, error) {
	sum := Summary{Placed: seen.Placed, Connected: seen.Connected, AgentPickUps: seen.Answered, ServerCPU: t.CPU()}
	calls, err := settled(ctx, t.Client)
	if err != nil {
		return sum, err
	}
	bySIP := map[string]ServerCall{}
	for _, c := range calls {
		if c.Called != Number {
			continue // feature codes of the agents
		}
		if _, twice := bySIP[c.SIPCallID]; twice {
			sum.fault("the server has two calls for SIP Call-ID %s", c.SIPCallID)
		}
		bySIP[c.SIPCallID] = c
	}
	if n := len(bySIP); n < seen.Connected {
		sum.fault("citizens were connected %d times, but the server has %d calls", seen.Connected, n)
	}
	var waits time.Duration
	for _, p := range seen.Calls {
		if !p.Connected {
			continue
		}
		c, ok := bySIP[p.CallID]
		switch {
		case !ok:
			sum.fault("a citizen's call (SIP Call-ID %s) is not at the server", p.CallID)
			continue
		case c.EndedAt.IsZero():
			sum.fault("call %s has no end", c.ID)
			continue
		}
		switch c.Outcome {
		case "served":
			sum.Answered++
			w := time.Duration(c.WaitMS) * time.Millisecond
			waits += w
			sum.MaxWait = max(sum.MaxWait, w)
			if w <= target {
				sum.Within++
			}
			sum.checkRecording(ctx, t, c, p, seen)
		case "abandoned":
			sum.Abandoned++
			if !p.GaveUp {
				sum.fault("call %s counts as abandoned, but its citizen did not give up", c.ID)
			}
		case "self_served", "unserved":
			sum.Other++
		default:
			sum.fault("call %s ended as %q (%s)", c.ID, c.Outcome, c.Reason)
		}
	}
	if sum.Answered > 0 {
		sum.MeanWait = waits / time.Duration(sum.Answered)
	}
	if sum.Answered+sum.Abandoned+sum.Other != seen.Connected {
		sum.fault("%d answered + %d abandoned + %d other is not the %d citizens who were connected", sum.Answered, sum.Abandoned, sum.Other, seen.Connected)
	}
	if sum.Answered > seen.Answered {
		sum.fault("the server counts %d answered calls, but agents picked up %d times", sum.Answered, seen.Answered)
	}
	refused := 0
	for _, n := range seen.Refused {
		refused += n
	}
	if seen.Placed != seen.Connected+refused {
		sum.fault("%d calls were placed, %d connected and %d refused: %d are lost", seen.Placed, seen.Connected, refused, seen.Placed-seen.Connected-refused)
	}
	if refused > 0 {
		sum.fault("%d calls were refused: %v", refused, seen.Refused)
	}
	sort.Float64s(seen.MOS)
	if n := len(seen.MOS); n > 0 {
		sum.MOSMin = seen.MOS[0]
		for _, m := range seen.MOS {
			sum.MOSMean += m / float64(n)
		}
	}
	var rep struct {
		OK   bool   `json:"ok"`
		Text string `json:"text"`
	}
	if err := t.Client.Do(ctx, "POST", "/v1/verify", map[string]bool{"files": true}, &rep); err != nil {
		sum.fault("the journal could not be verified: %v", err)
	} else if sum.Verified, sum.VerifyText = rep.OK, rep.Text; !rep.OK {
		sum.fault("the journal does not prove what the database says:\n%s", rep.Text)
	}
	return sum, nil
}

// settled waits until every call at the server has its end in the database.
func settled(ctx context.Context, c *client.Client) ([]ServerCall, error) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		calls, err := FetchCalls(ctx, c)
		if err != nil {
			return nil, err
		}
		open := 0
		for _, k := range calls {
			if k.EndedAt.IsZero() {
				open++
			}
		}
		var b LiveBoard
		if err := c.Do(ctx, "GET", "/v1/board", nil, &b); err != nil {
			return nil, err
		}
		if open == 0 && len(b.Calls) == 0 || time.Now().After(deadline) {
			return calls, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// checkRecording listens whether both voices are where they belong.
func (s *Summary) checkRecording(ctx context.Context, t *Theatre, c ServerCall, p PlacedCall, seen Tally) {
	f, err := os.CreateTemp(t.Dir, "heard-*.wav")
	if err != nil {
		s.fault("recording of call %s: %v", c.ID, err)
		return
	}
	defer os.Remove(f.Name())
	err = t.Client.Do(ctx, "GET", "/v1/calls/"+c.ID+"/audio", nil, f)
	_ = f.Close()
	if err != nil {
		s.fault("recording of call %s: %v", c.ID, err)
		return
	}
	caller, agent, err := record.ReadFile(f.Name())
	if err != nil {
		s.fault("recording of call %s: %v", c.ID, err)
		return
	}
	s.Recordings++
	agentPilot, ok := seen.Pilots[phoneOf(c.Agent)]
	if !ok {
		s.fault("call %s was served by %q, who is none of the agents", c.ID, c.Agent)
		return
	}
	cut := min(len(caller), len(agent))
	if time.Duration(cut)*time.Second/tone.SampleRate < 300*time.Millisecond {
		s.BothVoices++ // too short a talk to hear anybody: hung up at once
		return
	}
	switch {
	case !tone.Marked(caller, tone.Pilot(p.Pilot)):
		s.fault("recording of call %s: the citizen is not heard on the left (level %.2f of %s)", c.ID, tone.MarkLevel(caller, tone.Pilot(p.Pilot)), filepath.Base(f.Name()))
	case !tone.Marked(agent, tone.Pilot(agentPilot)):
		s.fault("recording of call %s: the agent is not heard on the right", c.ID)
	default:
		s.BothVoices++
	}
}

// phoneOf is the phone of the demo's agent.
func phoneOf(agent string) string {
	var n int
	if _, err := fmt.Sscanf(agent, "agent%d", &n); err != nil {
		return ""
	}
	return fmt.Sprint(1001 + n)
}

// Text writes the summary for people.
func (s Summary) Text() string {
	var b strings.Builder
	share := func(n, of int) string {
		if of == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
	}
	fmt.Fprintf(&b, "calls placed        %d, connected %d\n", s.Placed, s.Connected)
	fmt.Fprintf(&b, "answered by agents  %d (%s), within 30 s %d (%s of answered)\n", s.Answered, share(s.Answered, s.Connected), s.Within, share(s.Within, s.Answered))
	fmt.Fprintf(&b, "abandoned           %d, other ends %d\n", s.Abandoned, s.Other)
	fmt.Fprintf(&b, "wait                mean %s, longest %s\n", s.MeanWait.Round(100*time.Millisecond), s.MaxWait.Round(100*time.Millisecond))
	fmt.Fprintf(&b, "recordings          %d, with both voices %d\n", s.Recordings, s.BothVoices)
	fmt.Fprintf(&b, "MOS at citizens     mean %.2f, lowest %.2f\n", s.MOSMean, s.MOSMin)
	fmt.Fprintf(&b, "server CPU          %s\n", s.ServerCPU.Round(10*time.Millisecond))
	if s.Verified {
		b.WriteString("journal             replayed: the database is right and everybody was served in order\n")
	}
	for _, f := range s.Faults {
		fmt.Fprintf(&b, "FAULT  %s\n", f)
	}
	return b.String()
}
