package prompt

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// What is recorded whole. Beyond it, sentences are composed of these pieces.
const (
	maxWholePosition = 20  // "siz növbədə üçüncüsünüz"
	MaxPosition      = 100 // beyond it "more than" is said
	maxWholeMinutes  = 60
)

// Recording is one clip of the library as it has to be recorded: by cmd/prompts with a
// synthetic voice, or by a person whose file then replaces it.
type Recording struct {
	ID     string // file name without ending
	Text   string // as shown
	Spoken string // as a voice reads it: Text normalised
}

// Hash is what a pack stores of a recording's words, to notice that they have changed
// since the audio was made.
func (r Recording) Hash() [8]byte {
	sum := sha256.Sum256([]byte(r.Text + "\x00" + r.Spoken))
	return [8]byte(sum[:8])
}

// Inventory is every recording of language lang: the phrases, then the pieces of
// positions, minutes and numbers. Its order is that of a recording script.
func Inventory(lang Language) []Recording {
	var out []Recording
	add := func(id, text string) {
		out = append(out, Recording{ID: id, Text: text, Spoken: Normalise(lang, text)})
	}
	for _, p := range phrases {
		add(p.ID, p.Text(lang))
	}
	for n := 1; n <= maxWholePosition; n++ {
		add(fmt.Sprintf("position.%d", n), positionText(lang, n))
	}
	add("minutes.less", pick(lang, "bir dəqiqədən az", "менее одной минуты", "less than one minute"))
	for n := 1; n <= maxWholeMinutes; n++ {
		add(fmt.Sprintf("minutes.%d", n), SpellMinutes(lang, n))
	}
	add("minutes.more", pick(lang, "bir saatdan çox", "более одного часа", "more than one hour"))
	for _, w := range numberInventory(lang) {
		text := w.text(lang)
		if w.more {
			// The comma tells the voice, or the person, that the number goes on.
			text += ","
		}
		add(w.id(), text)
	}
	add("digit.star", digitName(lang, '*'))
	add("digit.hash", digitName(lang, '#'))
	return out
}

// numberInventory is every piece numberWords can return for a language.
func numberInventory(lang Language) []word {
	var out []word
	for n := range 21 {
		out = append(out, word{kind: small, n: n})
	}
	for n := 30; n < 100; n += 10 {
		out = append(out, word{kind: small, n: n})
	}
	for n := 20; n < 100; n += 10 {
		out = append(out, word{kind: small, n: n, more: true})
	}
	forms := 1
	if lang == Russian {
		forms = 3
		out = append(out, word{n: 1, g: Feminine}, word{n: 2, g: Feminine}, word{n: 1, g: Neuter})
	}
	for n := 1; n <= 9; n++ {
		out = append(out, word{kind: hundreds, n: n}, word{kind: hundreds, n: n, more: true, and: lang == English})
	}
	for _, k := range []wordKind{thousand, million} {
		for f := range forms {
			out = append(out, word{kind: k, form: f}, word{kind: k, form: f, more: true})
		}
		if lang == English {
			out = append(out, word{kind: k, more: true, and: true})
		}
	}
	return out
}

// positionText is the sentence for the place n in the queue, 1 <= n <= maxWholePosition.
// In Russian it names the place, which needs no gender of the caller.
func positionText(lang Language, n int) string {
	switch lang {
	case Russian:
		return "Ваше место в очереди: " + OrdinalRu(n, Neuter, false) + "."
	case English:
		return "You are " + ordinalEn(n) + " in the queue."
	}
	return "Siz növbədə " + areAz(Ordinal(Azerbaijani, n)) + "."
}

// Text is what parts say in language lang, as one line for people to read. An own
// phrase of an operator is shown by its id in brackets.
func Text(lang Language, parts ...Part) string {
	var out []string
	for _, p := range parts {
		l := lang
		if p.Language != "" {
			l = p.Language
		}
		if s := p.text(l); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

func (p Part) text(lang Language) string {
	switch p.Kind {
	case KindSay:
		if i, ok := phraseIndex[p.ID]; ok {
			return phrases[i].Text(lang)
		}
		return "[" + p.ID + "]"
	case KindNumber:
		return Spell(lang, p.N)
	case KindPosition:
		switch n := max(1, p.N); {
		case n <= maxWholePosition:
			return positionText(lang, n)
		case n <= MaxPosition:
			return phrases[phraseIndex["queue.position.number"]].Text(lang) + " " + Spell(lang, n)
		}
		return phrases[phraseIndex["queue.position.more"]].Text(lang)
	case KindMinutes:
		switch {
		case p.N <= 0:
			return pick(lang, "bir dəqiqədən az", "менее одной минуты", "less than one minute")
		case p.N > maxWholeMinutes:
			return pick(lang, "bir saatdan çox", "более одного часа", "more than one hour")
		}
		return SpellMinutes(lang, p.N)
	case KindDigits:
		var names []string
		for _, c := range p.Digits {
			if s := digitName(lang, c); s != "" {
				names = append(names, s)
			}
		}
		return strings.Join(names, " ")
	case KindPhone:
		return SpellPhone(lang, p.Digits)
	}
	return ""
}

// phraseIndex finds a phrase of the catalogue by its id.
var phraseIndex = func() map[string]int {
	m := make(map[string]int, len(phrases))
	for i, p := range phrases {
		m[p.ID] = i
	}
	return m
}()

// Known tells whether id is a phrase of the catalogue.
func Known(id string) bool {
	_, ok := phraseIndex[id]
	return ok
}
