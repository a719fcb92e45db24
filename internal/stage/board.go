package stage

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// LiveBoard is the part of the server's board that is shown.
type LiveBoard struct {
	Calls []struct {
		ID, State, Queue, Agent, Calling string
		Since                            time.Time
	} `json:"calls"`
	Routing struct {
		Queues []struct {
			Queue       string        `json:"queue"`
			Waiting     int           `json:"waiting"`
			Ringing     int           `json:"ringing"`
			Talking     int           `json:"talking"`
			LongestWait time.Duration `json:"longest_wait_ns"`
			Ready       int           `json:"ready"`
			SignedIn    int           `json:"signed_in"`
			Expected    time.Duration `json:"expected_wait_ns"`
			Counts      struct {
				Entered  int `json:"entered"`
				Answered int `json:"answered"`
				Left     int `json:"left"`
				TimedOut int `json:"timed_out"`
				Nobody   int `json:"nobody"`
				Missed   int `json:"missed"`
			} `json:"counts"`
		} `json:"queues"`
		Agents []struct {
			Agent  string    `json:"agent"`
			State  string    `json:"state"`
			Since  time.Time `json:"since"`
			Call   string    `json:"call"`
			Reason string    `json:"reason"`
		} `json:"agents"`
	} `json:"routing"`
	Arrived int `json:"arrived"`
	Refused int `json:"refused"`
	Limit   int `json:"limit"`
}

// ServiceLevel is calls answered within the target of all that ended their wait.
type ServiceLevel struct{ Within, Ended int }

// Draw writes the board for people; with ansi it draws over the former one.
func (b LiveBoard) Draw(w io.Writer, ansi bool, left time.Duration, seen Tally, sl ServiceLevel, cpu float64) {
	var s strings.Builder
	if ansi {
		s.WriteString("\x1b[H\x1b[2J")
	}
	fmt.Fprintf(&s, "Çağrı · demo   %s left   calls now %d of %d   arrived %d   refused %d   server CPU %.0f %% of a core\n\n",
		max(left, 0).Round(time.Second), len(b.Calls), b.Limit, b.Arrived, b.Refused, cpu*100)
	s.WriteString("QUEUE        WAITING RINGING TALKING  LONGEST  READY/IN  ANSWERED  LEFT  MISSED  ≤30 s\n")
	for _, q := range b.Routing.Queues {
		level := "–"
		if sl.Ended > 0 {
			level = fmt.Sprintf("%.0f %%", 100*float64(sl.Within)/float64(sl.Ended))
		}
		fmt.Fprintf(&s, "%-12s %7d %7d %7d %8s %6d/%-3d %9d %5d %7d  %5s\n", q.Queue, q.Waiting, q.Ringing, q.Talking,
			q.LongestWait.Round(time.Second), q.Ready, q.SignedIn, q.Counts.Answered, q.Counts.Left, q.Counts.Missed, level)
	}
	s.WriteString("\nAGENT      STATE        FOR   CALLER\n")
	from := map[string]string{}
	for _, c := range b.Calls {
		from[c.ID] = c.Calling
	}
	for _, a := range b.Routing.Agents {
		if a.State == "" {
			continue
		}
		fmt.Fprintf(&s, "%-10s %-11s %5s   %s\n", a.Agent, a.State, time.Since(a.Since).Round(time.Second), from[a.Call])
	}
	states := map[string]int{}
	for _, c := range b.Calls {
		states[c.State]++
	}
	names := make([]string, 0, len(states))
	for k := range states {
		names = append(names, k)
	}
	sort.Strings(names)
	s.WriteString("\nCALLS     ")
	for _, k := range names {
		fmt.Fprintf(&s, " %s %d ", k, states[k])
	}
	fmt.Fprintf(&s, "\nCITIZENS   placed %d, connected %d, gave up %d, agents picked up %d, let ring %d\n", seen.Placed, seen.Connected, seen.Abandoned, seen.Answered, seen.Missed)
	_, _ = io.WriteString(w, s.String())
}

// Line writes the board in one line, for a log.
func (b LiveBoard) Line(w io.Writer, seen Tally) {
	waiting, talking := 0, 0
	for _, q := range b.Routing.Queues {
		waiting += q.Waiting + q.Ringing
		talking += q.Talking
	}
	fmt.Fprintf(w, "%s  calls %d  waiting %d  talking %d  placed %d  picked up %d  gave up %d\n", time.Now().Format("15:04:05"), len(b.Calls), waiting, talking, seen.Placed, seen.Answered, seen.Abandoned)
}
