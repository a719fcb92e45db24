package ivr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"cagri/internal/prompt"
)

// Defaults of Limits.
const (
	defaultMaxToHuman = 60 * time.Second
	defaultMaxKeys    = 3
	defaultMaxDepth   = 3
)

// Limits is what Check holds a flow against. A zero field asks for its default.
type Limits struct {
	MaxToHuman time.Duration // longest way to a queue for a caller who listens to everything; default 60 s
	MaxKeys    int           // most keys from any menu to a queue; default 3
	MaxDepth   int           // most menus one below the other; default 3
	Queues     []string      // queues that exist; nil: any name will do

	// Has tells which phrases exist; nil: those of the catalogue.
	Has func(phrase string) bool
	// Duration says how long phrases last; nil: the embedded clips. Give both
	// functions of the library in use when an operator has replaced phrases.
	Duration func(lang prompt.Language, parts ...prompt.Part) time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.MaxToHuman == 0 {
		l.MaxToHuman = defaultMaxToHuman
	}
	if l.MaxKeys == 0 {
		l.MaxKeys = defaultMaxKeys
	}
	if l.MaxDepth == 0 {
		l.MaxDepth = defaultMaxDepth
	}
	if l.Has == nil {
		l.Has = prompt.Known
	}
	if l.Duration == nil {
		l.Duration = embeddedDuration()
	}
	return l
}

// embeddedDuration is how long the shipped clips last; without clips (a program built
// before they were made) a phrase counts three seconds.
func embeddedDuration() func(prompt.Language, ...prompt.Part) time.Duration {
	lib, err := prompt.Embedded()
	if err != nil {
		return func(_ prompt.Language, parts ...prompt.Part) time.Duration {
			return time.Duration(len(parts)) * 3 * time.Second
		}
	}
	return lib.Duration
}

// Validate is Check with the default limits.
func (f *Flow) Validate() []Problem { return f.Check(Limits{}) }

// Load is Parse and Check in one: a flow returned without error can be used. The error
// is Problems.
func Load(name string, data []byte, lim Limits) (*Flow, error) {
	f, err := Parse(name, data)
	if err != nil {
		return nil, err
	}
	if ps := f.Check(lim); len(ps) > 0 {
		return nil, Problems(ps)
	}
	return f, nil
}

// Check says everything that is wrong with what the flow does: nodes nobody comes to,
// queues without a notice before them, circles without a caller's choice, menus from
// which no person can be reached in time, phrases and queues that do not exist.
func (f *Flow) Check(lim Limits) []Problem {
	c := &checker{f: f, lim: lim.withDefaults()}
	c.references()
	c.phrases()
	c.queues()
	c.notices()
	c.loops()
	c.menus()
	c.time()
	slices.SortStableFunc(c.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return c.problems
}

type checker struct {
	f        *Flow
	lim      Limits
	problems []Problem
}

func (c *checker) wrong(at Position, node, what, do string) {
	c.problems = append(c.problems, Problem{File: c.f.File, At: at, Node: node, What: what, Do: do})
}

func (c *checker) references() {
	reachable := c.f.reachable()
	for _, name := range c.f.Order {
		n := c.f.Nodes[name]
		if !reachable[name] {
			c.wrong(n.At, name, "no caller ever comes here", "let a node lead to it, or remove it")
		}
		for _, e := range c.f.edges(n) {
			if c.f.Nodes[e.to] == nil {
				// Parse does not let this pass; a flow put together in Go may have it.
				c.wrong(n.At, name, fmt.Sprintf("leads to %q, which does not exist", e.to), "name a node of this flow")
			}
		}
	}
	if c.f.Nodes[c.f.Start] == nil {
		c.wrong(c.f.startAt, "", fmt.Sprintf("start leads to %q, which does not exist", c.f.Start), "name a node of this flow")
	}
	if op := c.f.Nodes[c.f.Operator]; op != nil && op.Kind != KindQueue {
		c.wrong(c.f.operatorAt, "", fmt.Sprintf("operator leads to %s, a node of kind %s", c.f.Operator, op.Kind), "name a queue node: key 0 promises a person")
	}
}

func (c *checker) phrases() {
	for _, name := range c.f.Order {
		n := c.f.Nodes[name]
		for _, p := range slices.Concat(n.Parts, n.Wrong, n.Silence) {
			if p.Kind == prompt.KindSay && !c.lim.Has(p.ID) {
				c.wrong(n.At, name, fmt.Sprintf("there is no phrase %q", p.ID), "docs/prompts.md lists the phrases; one of your own is named own.<name> and needs a recording")
			}
			if n.Kind == KindNotice && !strings.HasPrefix(p.ID, "notice.") && !strings.HasPrefix(p.ID, "own.notice") {
				c.wrong(n.At, name, fmt.Sprintf("%q is not a notice of recording", p.ID), "use notice.recorded, or a recording of your own named own.notice…")
			}
			if p.ID == "menu.language" && n.Kind == KindLanguage {
				c.offered(n, p)
			}
		}
		if len(n.Parts) == 0 && n.Kind != KindQueue && n.Kind != KindHours && n.Kind != KindTransfer {
			c.wrong(n.At, name, "it says nothing", "name a phrase; a caller must never hear silence")
		}
	}
}

// offered holds the recording "For English, press three" against the keys.
func (c *checker) offered(n *Node, p prompt.Part) {
	l := cmp.Or(p.Language, c.f.Language)
	key := map[prompt.Language]byte{prompt.Azerbaijani: '1', prompt.Russian: '2', prompt.English: '3'}[l]
	for _, k := range n.Keys {
		if k.Key == key && k.Language == l {
			return
		}
	}
	c.wrong(n.At, n.Name, fmt.Sprintf("the phrase %s names key %c for %s, but the keys say otherwise", p, key, l), fmt.Sprintf("let key %c choose %s, or say a recording of your own", key, l))
}

func (c *checker) queues() {
	for _, name := range c.f.Order {
		n := c.f.Nodes[name]
		if n.Queue != "" && c.lim.Queues != nil && !slices.Contains(c.lim.Queues, n.Queue) {
			c.wrong(n.At, name, fmt.Sprintf("there is no queue %q", n.Queue), "queues that exist: "+strings.Join(c.lim.Queues, ", "))
		}
	}
}

func (c *checker) notices() {
	for name, path := range c.f.unnoticed() {
		c.wrong(c.f.Nodes[name].At, name, "a caller can come here without the notice of recording ("+strings.Join(path, " → ")+")",
			"put a notice node on that way: callers must be told before recording begins")
	}
}

func (c *checker) loops() {
	if path := c.f.loop(); path != nil {
		c.wrong(c.f.Nodes[path[0]].At, path[0], "the call can go round in a circle by itself: "+strings.Join(append(path, path[0]), " → "),
			"let it end, or put a menu in the circle so that the caller decides")
	}
}

func (c *checker) menus() {
	depths := c.f.depths()
	for _, name := range c.f.Order {
		n := c.f.Nodes[name]
		if n.Kind != KindMenu && n.Kind != KindLanguage {
			continue
		}
		switch keys, ok := c.f.keysToHuman(name); {
		case !ok:
			c.wrong(n.At, name, "no key leads to a person from here", "let a key lead to a queue, or set operator: for key 0")
		case keys > c.lim.MaxKeys:
			c.wrong(n.At, name, fmt.Sprintf("a person is %d keys away, more than %d", keys, c.lim.MaxKeys), "set operator: so that key 0 leads to a person from every menu")
		}
		if n.Kind == KindMenu && depths[name] > c.lim.MaxDepth {
			c.wrong(n.At, name, fmt.Sprintf("this is menu %d of a row, more than %d", depths[name], c.lim.MaxDepth), "make the menus above it shorter, or put the choice into one of them")
		}
	}
}

func (c *checker) time() {
	for _, r := range c.f.ToHuman(c.lim.Duration) {
		if !r.Silent && r.Time > c.lim.MaxToHuman {
			n := c.f.Nodes[r.Path[len(r.Path)-1]]
			c.wrong(n.At, n.Name, fmt.Sprintf("a caller who speaks %s and listens to everything is here after %.0f s, more than %.0f (%s)",
				r.Language, r.Time.Seconds(), c.lim.MaxToHuman.Seconds(), strings.Join(r.Path, " → ")), "say less on the way")
		}
	}
}
