package call

import (
	"time"

	"cagri/internal/directory"
	"cagri/internal/routing"
)

// routingConfig is what the router obeys: the queues, and of the snapshot what the
// law and the bodies ask of them.
func routingConfig(d *directory.Directory, s *directory.Snapshot) routing.Config {
	cfg := routing.Config{Queues: map[routing.QueueID]routing.QueueConfig{}, CheckEvery: time.Minute}
	for _, q := range d.Queues {
		c := routing.QueueConfig{
			RingTimeout: q.Ring, WrapUp: q.WrapUp, SetAside: q.SetAside, MaxWait: q.MaxWait, Body: q.Body, Service: q.Service, Target: q.Target,
		}
		for _, n := range q.Needs {
			need := routing.Need{After: n.After, Language: n.Language, Skills: map[routing.Skill]int{}}
			for k, level := range n.Skills {
				need.Skills[routing.Skill(k)] = level
			}
			c.Needs = append(c.Needs, need)
		}
		for _, o := range q.Overflow {
			c.Overflow = append(c.Overflow, routing.Overflow{Body: o.Body, After: o.After})
		}
		if s != nil {
			if l, ok := s.Line(q.ID); ok {
				c.Emergency, c.Confidential, c.RemoteFit = l.Emergency, l.Confidential, l.RemoteFit
			}
		}
		cfg.Queues[routing.QueueID(q.ID)] = c
	}
	return cfg
}

// agentProfile is what the router must know of a person; false when the snapshot
// knows nobody of that id.
func agentProfile(s *directory.Snapshot, agent string) (routing.AgentProfile, bool) {
	if s == nil {
		return routing.AgentProfile{}, false
	}
	p, ok := s.Profile(agent)
	if !ok {
		return routing.AgentProfile{}, false
	}
	out := routing.AgentProfile{
		Agent: routing.AgentID(agent), Body: p.Agent.Body, Languages: p.Agent.Languages, Skills: map[routing.Skill]int{},
		Station: routing.Station{Remote: p.Remote, Hall: p.Agent.Hall}, RemoteAllowed: p.Allowed,
	}
	for k, level := range p.Agent.Skills {
		out.Skills[routing.Skill(k)] = level
	}
	for _, q := range p.Queues {
		out.RemoteQueues = append(out.RemoteQueues, routing.QueueID(q))
	}
	for _, q := range p.Confident {
		out.ConfidentialQueues = append(out.ConfidentialQueues, routing.QueueID(q))
	}
	if p.Allowed && len(out.RemoteQueues) == 0 && p.Remote {
		out.RemoteAllowed = false // entitled, but for no queue that the person serves
	}
	return out, true
}
