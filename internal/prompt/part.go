package prompt

import (
	"fmt"
	"strings"
)

// Language is one of the languages the platform speaks, as a two-letter ISO 639-1 code.
type Language string

// The languages the catalogue has; Azerbaijani is first and the one fallen back to.
const (
	Azerbaijani Language = "az"
	Russian     Language = "ru"
	English     Language = "en"
)

// Languages lists the languages of the catalogue, Azerbaijani first.
func Languages() []Language { return []Language{Azerbaijani, Russian, English} }

// Valid tells whether l is a language of the catalogue.
func (l Language) Valid() bool {
	return l == Azerbaijani || l == Russian || l == English
}

// Kind says what a Part is.
type Kind uint8

// The kinds of Part.
const (
	KindSay      Kind = iota // a phrase of the catalogue
	KindNumber               // a cardinal number
	KindPosition             // a whole sentence: "siz növbədə üçüncüsünüz"
	KindMinutes              // a number of minutes with its noun: "beş dəqiqə"
	KindDigits               // digit by digit
	KindPhone                // a phone number, group by group as numbers
)

// Part is one thing to say: a phrase or something computed. Parts are plain
// comparable values; make them with Say, Number, Position, Minutes, Digits and
// Phone, and In when one part must be heard in another language than its neighbours.
type Part struct {
	Kind     Kind
	ID       string   // phrase id, for KindSay
	N        int      // value, for KindNumber, KindPosition and KindMinutes
	Digits   string   // for KindDigits and KindPhone
	Language Language // empty: the language asked for
}

// Say is the phrase id of the catalogue (or an operator's own, "own.…").
func Say(id string) Part { return Part{Kind: KindSay, ID: id} }

// Number is a cardinal number, 0–999,999,999.
func Number(n int) Part { return Part{Kind: KindNumber, N: n} }

// Position is the whole sentence that tells a caller the place in the queue,
// 1 being next. From 21 on it is the sentence "Your number in the queue is" with a
// number; above MaxPosition "more than" is said.
func Position(n int) Part { return Part{Kind: KindPosition, N: n} }

// Minutes is a length of time in minutes with its noun ("beş dəqiqə"). 0 and less
// says "less than one minute", more than 60 "more than one hour".
func Minutes(n int) Part { return Part{Kind: KindMinutes, N: n} }

// Digits is read digit by digit: codes, PINs, request numbers. It may hold 0–9,
// '*' and '#'; spaces and '-' make a short pause.
func Digits(s string) Part { return Part{Kind: KindDigits, Digits: s} }

// Phone is a telephone number, read group by group as people say it ("sıfır on
// iki, dörd yüz doxsan üç, …"). A number without spaces is grouped by PhoneGroups.
func Phone(s string) Part { return Part{Kind: KindPhone, Digits: s} }

// In is the part in language l, whatever language its neighbours are in.
func (p Part) In(l Language) Part { p.Language = l; return p }

// String is the part as flow files and the journal write it: "menu.main",
// "menu.language@ru", "position(3)".
func (p Part) String() string {
	var b strings.Builder
	switch p.Kind {
	case KindSay:
		b.WriteString(p.ID)
	case KindNumber:
		fmt.Fprintf(&b, "number(%d)", p.N)
	case KindPosition:
		fmt.Fprintf(&b, "position(%d)", p.N)
	case KindMinutes:
		fmt.Fprintf(&b, "minutes(%d)", p.N)
	case KindDigits:
		fmt.Fprintf(&b, "digits(%s)", p.Digits)
	case KindPhone:
		fmt.Fprintf(&b, "phone(%s)", p.Digits)
	default:
		fmt.Fprintf(&b, "part(%d)", p.Kind)
	}
	if p.Language != "" {
		b.WriteByte('@')
		b.WriteString(string(p.Language))
	}
	return b.String()
}
