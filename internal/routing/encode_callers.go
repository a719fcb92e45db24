package routing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

type keptWire struct {
	Num       uint64  `json:"num"`
	Caller    string  `json:"caller"`
	Call      CallID  `json:"call"`
	Queue     QueueID `json:"queue"`
	Since     int64   `json:"since_ns"`
	RelaxFrom int64   `json:"relax_from_ns"`
	Head      bool    `json:"head,omitempty"`
	Until     int64   `json:"until_ns"`
}

type taskWire struct {
	Caller string  `json:"caller"`
	Call   CallID  `json:"call"`
	Queue  QueueID `json:"queue,omitempty"`
	Body   string  `json:"body,omitempty"`
	Reason Reason  `json:"reason"`
	At     int64   `json:"at_ns"`
	Due    int64   `json:"due_ns"`
}

func (s *State) encodePersons(w *stateWire) {
	for _, key := range slices.Sorted(maps.Keys(s.persons)) {
		p := s.persons[key]
		for _, t := range p.kept {
			w.Kept = append(w.Kept, keptWire{t.num, key, t.call, t.queue.id, t.since, t.relaxFrom, t.head, t.alarm.at})
		}
		for _, t := range p.tasks {
			w.Tasks = append(w.Tasks, taskWire{key, t.call, t.queue, t.body, t.reason, t.at, t.due})
		}
	}
	slices.SortFunc(w.Kept, func(a, b keptWire) int { return cmp.Compare(a.Num, b.Num) })
}

func (s *State) loadPersons(w *stateWire) error {
	s.nextTicket = w.NextTicket
	last := uint64(0)
	for _, k := range w.Kept {
		q := s.queues[k.Queue]
		if q == nil || k.Caller == "" || k.Num <= last || k.Num > s.nextTicket || k.Until <= s.now || k.Since < 0 || k.Since > s.now || k.RelaxFrom < 0 || k.RelaxFrom > s.now {
			return fmt.Errorf("the kept place %d cannot be", k.Num)
		}
		last = k.Num
		t := &ticket{person: s.person(k.Caller), num: k.Num, call: k.Call, queue: q, since: k.Since, relaxFrom: k.RelaxFrom, head: k.Head}
		t.alarm = alarm{index: -1, ticket: t}
		t.person.kept = append(t.person.kept, t)
		s.limits.set(&t.alarm, k.Until)
	}
	for _, k := range w.Tasks {
		if k.Caller == "" || k.Call == "" || k.At < 0 || k.At > s.now || k.Due < k.At {
			return fmt.Errorf("the task for call %q cannot be", k.Call)
		}
		p := s.person(k.Caller)
		p.tasks = append(p.tasks, task{k.Call, k.Queue, k.Body, k.Reason, k.At, k.Due})
	}
	return nil
}
