package ivr

import (
	"strings"
	"testing"
)

func TestSimulateTellsWhatACallerHears(t *testing.T) {
	for _, c := range []struct {
		script        string
		queue, reason string
		hears         []string // in this order
	}{
		{"", "general", "", []string{"Salam!", "qeydə alınır", "heard in az", "Məlumat almaq", "Seçim etmədiniz", "təmsilçiyə yönləndirilir", "queue general"}},
		{"2 9 1", "general", "", []string{"language ru", "записывается", "heard in ru", "неверную кнопку", "На ваш вопрос", "queue general, priority 0: Пожалуйста"}},
		{"!3 !0 closed", "", "closed", []string{"presses 3 meanwhile", "heard in en", "presses 0 meanwhile", "We are closed", "ends: closed"}},
		{"1 silence 2 no_agents", "", "no agents", []string{"Seçim etmədiniz", "Şikayətinizi", "queue general", "təmsilçi yoxdur", "ends: no agents"}},
		{"0 timed_out", "", "timed out", []string{"queue general", "məşğuldur", "Sağ olun!"}},
	} {
		tr, err := Simulate(Default(), c.script, threeSeconds)
		if err != nil || tr.Queue != c.queue || tr.Reason != c.reason || tr.Elapsed <= 0 {
			t.Errorf("%q: queue %q, reason %q, %s, %v", c.script, tr.Queue, tr.Reason, tr.Elapsed, err)
		}
		rest := tr.String()
		for _, want := range c.hears {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%q: %q is missing or too early in\n%s", c.script, want, tr)
				break
			}
			rest = after
		}
	}
}

func TestSimulateRefusesScriptsThatDoNotFit(t *testing.T) {
	for script, want := range map[string]string{
		"1 shout":       `"shout" is no word`,
		"12":            `"12" is no word`,
		"no_agents":     "is for a queue, but the call is at the menu choose_language",
		"0 1":           "is for a menu, but the call is in the queue general",
		"0 closed 1 2":  `the call was over before "1 2"`,
		"!x":            "is no word",
		"0 no_agents 0": "the call was over",
	} {
		if _, err := Simulate(Default(), script, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", script, err, want)
		}
	}
	if tr, err := Simulate(nil, "", nil); err != nil || tr.Reason != "no flow" {
		t.Errorf("no flow: %q, %v", tr.Reason, err)
	}
}
