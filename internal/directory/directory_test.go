package directory

import (
	"strings"
	"testing"
	"time"
)

func valid() *Directory {
	return &Directory{
		Bodies:  []Body{{ID: "108", Name: "ASAN"}},
		Numbers: []Number{{Dial: "108", Body: "108", Flow: "default"}},
		Queues:  []Queue{{ID: "general", Body: "108", Ring: 15 * time.Second}},
		Phones:  []Phone{{User: "1001", Password: "x"}},
		Agents:  []Agent{{ID: "aysel", Body: "108", Phone: "1001", Queues: []string{"general"}}},
	}
}

func flows(name string) bool { return name == "default" }

func TestValidDirectoryPasses(t *testing.T) {
	if err := valid().Check(flows); err != nil {
		t.Fatal(err)
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	cases := map[string]struct {
		spoil func(*Directory)
		want  string
	}{
		"number of two bodies":   {func(d *Directory) { d.Numbers = append(d.Numbers, d.Numbers[0]) }, "belongs to"},
		"number without flow":    {func(d *Directory) { d.Numbers[0].Flow = "nope" }, `flow "nope"`},
		"number with letters":    {func(d *Directory) { d.Numbers[0].Dial = "1o8" }, "only digits"},
		"queue of nobody":        {func(d *Directory) { d.Queues[0].Body = "x" }, `body "x"`},
		"queue that never rings": {func(d *Directory) { d.Queues[0].Ring = 0 }, "ring"},
		"agent without phone":    {func(d *Directory) { d.Agents[0].Phone = "9" }, `phone "9"`},
		"agent in no queue":      {func(d *Directory) { d.Agents[0].Queues = []string{"q"} }, `queue "q"`},
		"two agents, one phone": {func(d *Directory) {
			d.Agents = append(d.Agents, Agent{ID: "b", Body: "108", Phone: "1001"})
		}, "aysel"},
		"open phone":        {func(d *Directory) { d.Phones[0].Password = "" }, "needs password"},
		"id with a dot":     {func(d *Directory) { d.Bodies[0].ID = "a.b" }, "letters"},
		"body listed twice": {func(d *Directory) { d.Bodies = append(d.Bodies, d.Bodies[0]) }, "twice"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := valid()
			c.spoil(d)
			err := d.Check(flows)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want an error with %q, got %v", c.want, err)
			}
		})
	}
}
