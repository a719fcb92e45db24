package routing

import (
	"fmt"
	"slices"
	"strings"
)

// ClauseRemote is the clause on answering from outside the hall.
const ClauseRemote = "R-2.6-remote"

// Station is where an agent sits.
type Station struct {
	Remote bool   `json:"remote,omitempty"` // outside the service hall
	Hall   string `json:"hall,omitempty"`
}

// profile is what decides whether an agent may take a call. Agents who are alike
// share one, so that each question is asked once.
type profile struct {
	num  int
	key  string
	said AgentProfile // without the agent
	refs int
}

// verdict is whether agents of a profile may take the calls of a lane.
type verdict uint8

const (
	notAsked verdict = iota
	canTake
	lacksSkill
	lacksLanguage
	unfitRemote     // the queue is not fit for answering outside the hall
	notEntitled     // the agent may not answer outside the hall, or not this queue
	notConfidential // confidential, and the agent is not named for it
)

var verdictNames = [...]string{"", "eligible", "skill", "language", "remote_unfit", "remote_not_entitled", "remote_confidential"}

// String gives the name used in decisions and explanations.
func (v verdict) String() string { return verdictNames[v] }

// clause that forbids it; empty when none does.
func (v verdict) clause() string {
	if v >= unfitRemote {
		return ClauseRemote
	}
	return ""
}

// verdict looks the answer up, or finds it.
func (s *State) verdict(l *lane, p *profile) verdict {
	if l.plain && !p.said.Station.Remote {
		return canTake
	}
	if p.num >= len(l.can) {
		l.can = append(l.can, make([]verdict, max(p.num+1, len(s.profileNums))-len(l.can))...)
	}
	if l.can[p.num] == notAsked {
		l.can[p.num] = judge(l, &p.said)
	}
	return l.can[p.num]
}

// judge finds whether an agent who is so may take a call of the lane. Skill and
// language come first: where they are missing no clause has to be named.
func judge(l *lane, p *AgentProfile) verdict {
	need := &l.stage.need
	for k, level := range need.Skills {
		if p.Skills[k] < level {
			return lacksSkill
		}
	}
	for k, level := range l.family.skills {
		if p.Skills[k] < level-need.Lower {
			return lacksSkill
		}
	}
	if lang := l.family.language; lang != "" && p.Languages[lang] < need.Language {
		return lacksLanguage
	}
	if !p.Station.Remote {
		return canTake
	}
	q := l.family.queue
	switch {
	case !q.cfg.RemoteFit:
		return unfitRemote
	case !p.RemoteAllowed || len(p.RemoteQueues) > 0 && !slices.Contains(p.RemoteQueues, q.id):
		return notEntitled
	case q.cfg.Confidential && !slices.Contains(p.ConfidentialQueues, q.id):
		return notConfidential
	}
	return canTake
}

// profileOf gives the shared profile for what was said, counted once more.
func (s *State) profileOf(e AgentProfile) *profile {
	e.Agent = ""
	e.Skills, e.Languages = boundedLevels(e.Skills), boundedLevels(e.Languages)
	e.RemoteQueues, e.ConfidentialQueues = sortedQueues(e.RemoteQueues), sortedQueues(e.ConfidentialQueues)
	var b strings.Builder
	fmt.Fprintf(&b, "%q %s %s %v %q %v %q %q", e.Body, signature(e.Skills), signature(e.Languages),
		e.Station.Remote, e.Station.Hall, e.RemoteAllowed, e.RemoteQueues, e.ConfidentialQueues)
	p := s.profiles[b.String()]
	if p == nil {
		p = &profile{key: b.String(), said: e}
		if p.num = slices.Index(s.profileNums, nil); p.num < 0 {
			p.num = len(s.profileNums)
			s.profileNums = append(s.profileNums, nil)
		} else {
			s.unlearn(p.num)
		}
		s.profileNums[p.num], s.profiles[p.key] = p, p
	}
	p.refs++
	return p
}

// unlearn forgets every verdict on the number of a profile that is gone.
func (s *State) unlearn(num int) {
	for _, q := range s.queues {
		for _, f := range q.families {
			for i := range f.lanes {
				if num < len(f.lanes[i].can) {
					f.lanes[i].can[num] = notAsked
				}
			}
		}
	}
}

func sortedQueues(l []QueueID) []QueueID {
	if len(l) == 0 {
		return nil
	}
	l = slices.Clone(l)
	slices.Sort(l)
	return slices.Compact(l)
}

func (s *State) release(p *profile) {
	if p.refs--; p.refs == 0 && p != s.blank {
		s.profileNums[p.num] = nil
		delete(s.profiles, p.key)
	}
}

// agentProfile: the agent is so from now on. What is offered or talked on goes on.
func (s *State) agentProfile(e AgentProfile) {
	if e.Agent == "" {
		s.Ignored++
		return
	}
	a := s.agents[e.Agent]
	if a == nil {
		a = s.newAgent(e.Agent)
	}
	p := s.profileOf(e)
	if p == a.profile {
		s.release(p)
		s.Ignored++
		return
	}
	s.regroup(a, func() {
		s.release(a.profile)
		a.profile = p
	})
}

// regroup changes what a serves or can do: out of all lines and counts, then back in.
func (s *State) regroup(a *agent, change func()) {
	wasReady := a.inReady
	if wasReady {
		s.leaveReady(a)
	}
	s.enlist(a, -1)
	change()
	s.link(a)
	s.enlist(a, +1)
	for _, c := range a.own {
		if s.holder(c) == nil {
			s.letGo(a)
			break
		}
	}
	if wasReady {
		s.seek(a)
	}
	s.rouse(a)
}

// enlist counts a into (or out of) every queue and family that a may serve.
func (s *State) enlist(a *agent, by int) {
	a.share(by, nil)
	for _, q := range a.queues {
		q.members[a.class] += by
		s.count(q, a, a.class, by)
		s.ask(q)
	}
	for _, q := range a.helps {
		s.count(q, a, a.class, by)
		s.ask(q)
	}
}

func (s *State) count(q *queue, a *agent, c class, by int) {
	for _, f := range q.families {
		if s.verdict(f.last(), a.profile) == canTake {
			f.members[c] += by
		}
	}
}

func (a *agent) serves(q *queue) bool  { return slices.Contains(a.queues, q) }
func (a *agent) helpsIn(q *queue) bool { return slices.Contains(a.helps, q) }
