package prompt

import (
	"os"
	"strings"
	"testing"
	"unicode"
)

func TestCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Phrases() {
		if !reID.MatchString(p.ID) || strings.HasPrefix(p.ID, ownPrefix) {
			t.Errorf("%q is no id", p.ID)
		}
		if seen[p.ID] {
			t.Errorf("%s stands twice", p.ID)
		}
		seen[p.ID] = true
		if p.Use == "" {
			t.Errorf("%s: it is not said where it is heard", p.ID)
		}
		for _, lang := range Languages() {
			text := p.Text(lang)
			if text == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s/%s: text %q", lang, p.ID, text)
			}
			for _, r := range text {
				cyrillic := unicode.Is(unicode.Cyrillic, r)
				if unicode.IsLetter(r) && cyrillic != (lang == Russian) {
					t.Errorf("%s/%s: letter %q of another script in %q", lang, p.ID, r, text)
				}
				if lang == English && r > unicode.MaxASCII {
					t.Errorf("%s/%s: letter %q in %q", lang, p.ID, r, text)
				}
				if lang == Azerbaijani && unicode.IsLetter(r) && !strings.ContainsRune("abcçdeəfgğhxıijkqlmnoöprsştuüvyz", unicode.AzeriCase.ToLower(r)) {
					t.Errorf("%s/%s: %q is not in the Azerbaijani alphabet", lang, p.ID, r)
				}
			}
			if strings.ContainsAny(Normalise(lang, text), "0123456789") {
				t.Errorf("%s/%s: digits are left in what is spoken: %q", lang, p.ID, Normalise(lang, text))
			}
		}
	}
	// What other rooms say by name.
	for _, id := range strings.Fields(`notice.recorded greeting menu.language menu.main menu.wrong menu.timeout menu.repeat
		queue.welcome queue.position.before queue.position.after queue.wait.before queue.wait.after queue.wait.less_minute
		queue.thanks queue.apology no_agents closed goodbye busy error transfer.wait agent.signed_in agent.ready agent.paused
		agent.signed_out agent.wrong agent.code_unknown`) {
		if !seen[id] {
			t.Errorf("%s is missing", id)
		}
	}
}

func TestPhrasesIsACopy(t *testing.T) {
	Phrases()[0].Az = "changed"
	if Phrases()[0].Az == "changed" {
		t.Error("whoever changes what Phrases returns changes the catalogue")
	}
}

func TestInventoryHasNoIDTwice(t *testing.T) {
	for _, lang := range Languages() {
		seen := map[string]bool{}
		for _, r := range Inventory(lang) {
			if seen[r.ID] {
				t.Errorf("%s: %s stands twice", lang, r.ID)
			}
			seen[r.ID] = true
		}
	}
}

func TestHandbookIsUpToDate(t *testing.T) {
	page, err := os.ReadFile("../../docs/prompts.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != Handbook() {
		t.Error("docs/prompts.md is older than the catalogue; run make prompts")
	}
}

func TestTextOfParts(t *testing.T) {
	for _, c := range []struct {
		lang Language
		part Part
		want string
	}{
		{Azerbaijani, Position(3), "Siz növbədə üçüncüsünüz."},
		{Azerbaijani, Position(6), "Siz növbədə altıncısınız."},
		{Azerbaijani, Position(9), "Siz növbədə doqquzuncusunuz."},
		{Azerbaijani, Position(0), "Siz növbədə birincisiniz."},
		{Russian, Position(3), "Ваше место в очереди: третье."},
		{English, Position(12), "You are twelfth in the queue."},
		{Azerbaijani, Position(35), "Növbədəki sıra nömrəniz: otuz beş"},
		{English, Position(101), "There are more than 100 calls before yours in the queue."},
		{Russian, Minutes(2), "две минуты"},
		{English, Minutes(0), "less than one minute"},
		{Azerbaijani, Minutes(61), "bir saatdan çox"},
		{Azerbaijani, Digits("40*#"), "dörd sıfır ulduz diez"},
		{Azerbaijani, Phone("108"), "yüz səkkiz"},
		{Azerbaijani, Say("goodbye").In(English), "Thank you for calling. Goodbye!"},
		{Azerbaijani, Say("own.address"), "[own.address]"},
		{English, Number(21), "twenty-one"},
	} {
		if got := Text(c.lang, c.part); got != c.want {
			t.Errorf("Text(%s, %s) = %q, want %q", c.lang, c.part, got, c.want)
		}
	}
	if got := Say("menu.language").In(Russian).String() + " " + Position(3).String() + " " + Digits("12").String(); got != "menu.language@ru position(3) digits(12)" {
		t.Errorf("String: %q", got)
	}
}
