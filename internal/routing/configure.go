package routing

import (
	"maps"
	"slices"
)

// shape fits q to its configuration: stages, the body it belongs to, those it borrows
// from. q has no waiting call in a lane.
func (s *State) shape(q *queue) {
	cfg := q.cfg
	if q.removed {
		cfg.Overflow = nil // nobody helps there any more
	}
	q.stages, q.families = s.stagesOf(&cfg), nil
	q.speaks = false
	for i := range q.stages {
		q.speaks = q.speaks || q.stages[i].need.Language > 0
	}
	if q.removed {
		q.body = nil
		return
	}
	if q.body = s.body(q.cfg.Body); q.body != nil {
		q.body.queues = append(q.body.queues, q)
	}
	for _, b := range q.stages[len(q.stages)-1].bodies {
		b.borrowers = append(b.borrowers, q)
	}
}

// unshape takes q out of what shape made.
func (s *State) unshape(q *queue) {
	is := func(x *queue) bool { return x == q }
	if q.body != nil {
		q.body.queues = slices.DeleteFunc(q.body.queues, is)
	}
	for _, b := range q.stages[len(q.stages)-1].bodies {
		b.borrowers = slices.DeleteFunc(b.borrowers, is)
	}
}

// reshape fits queues, whose configuration has changed, to it. Nobody loses a place;
// callers who may have more agents now get them in this Apply.
func (s *State) reshape(queues []*queue, change func(*queue)) {
	fresh := map[*queue]bool{}
	var calls []*call
	for _, q := range queues {
		fresh[q] = true
		for q.waiting.len() > 0 {
			c := q.waiting.at(0)
			calls = append(calls, c)
			s.step(c)
		}
		s.unshape(q)
	}
	for _, q := range queues {
		rings := slices.Clone(q.ringing.all())
		q.ringing = line[*call]{}
		change(q)
		for _, c := range rings {
			q.ringing.insert(c)
		}
		q.ready, q.members = line[*agent]{}, [classes]int{}
		s.shape(q)
	}
	// The order of this walk does not matter: lines are ordered by themselves.
	for _, q := range queues {
		for r := range q.shared {
			delete(r.shared, q)
		}
		q.shared = nil
	}
	for _, a := range s.agents {
		s.link(a)
		a.share(+1, fresh)
		for _, q := range a.queues {
			if fresh[q] {
				q.members[a.class]++
				if a.inReady {
					q.ready.insert(a)
				}
			}
		}
	}
	for _, c := range calls {
		s.stand(c)
		s.setCallAlarm(c)
	}
	s.watchLenders()
	s.loose = append(s.loose, calls...)
	for _, q := range queues {
		s.ask(q)
		for _, c := range q.ringing.all() {
			s.rouse(c.agent)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.bodies)) {
		s.mayLend(s.bodies[id])
	}
}

// watchLenders begins or ends to watch the targets of the queues of lenders.
func (s *State) watchLenders() {
	for _, id := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[id]
		for _, c := range q.waiting.all() {
			s.unwatch(c)
			s.watch(c)
		}
	}
}

func (s *State) queueChanged(e QueueChanged) {
	if e.Queue == "" {
		s.Ignored++
		return
	}
	q := s.queues[e.Queue]
	if q == nil {
		q = s.addQueue(e.Queue, e.Config)
		s.reshape([]*queue{q}, func(*queue) {})
		return
	}
	s.reshape([]*queue{q}, func(q *queue) { q.configure(e.Config) })
}

func (q *queue) configure(cfg QueueConfig) {
	q.cfg, q.removed = cfg.withDefaults(), false
	if q.counts.Ended == 0 { // nothing measured yet
		q.handle = int64(q.cfg.HandlePrior)
	}
}

// configured takes a whole new configuration. Calls that wait in a queue that is gone
// are given back at once; those that ring or talk there go on.
func (s *State) configured(e Configured) {
	s.cfg = e.Config.withDefaults()
	s.cfg.Queues = nil
	s.configureBodies()
	var changed []*queue
	for _, id := range slices.Sorted(maps.Keys(e.Config.Queues)) {
		if s.queues[id] == nil && id != "" {
			s.addQueue(id, e.Config.Queues[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.queues)) {
		changed = append(changed, s.queues[id])
	}
	s.reshape(changed, func(q *queue) {
		if cfg, ok := e.Config.Queues[q.id]; ok {
			q.configure(cfg)
		} else {
			q.removed = true
			s.forgetPlaces(q)
		}
	})
	s.leaving = true
}

// forgetPlaces ends the keeping of places in q.
func (s *State) forgetPlaces(q *queue) {
	for _, key := range slices.Sorted(maps.Keys(s.persons)) {
		p := s.persons[key]
		for _, t := range slices.Clone(p.kept) {
			if t.queue == q {
				s.dropTicket(t)
			}
		}
	}
}

// sweep forgets removed queues once nothing of theirs goes on.
func (s *State) sweep() {
	if !s.leaving {
		return
	}
	s.leaving = false
	serving := map[*queue]bool{}
	for _, a := range s.agents {
		serving[a.served] = true
	}
	for id, q := range s.queues {
		switch {
		case !q.removed:
		case q.waiting.len() == 0 && q.ringing.len() == 0 && q.talking == 0 && q.booked == 0 && !serving[q]:
			delete(s.queues, id)
		default:
			s.leaving = true
		}
	}
}
