package prompt

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxNumber is the largest number the normaliser and the clips can say.
const MaxNumber = 999_999_999

var (
	unitsAz = [20]string{"sıfır", "bir", "iki", "üç", "dörd", "beş", "altı", "yeddi", "səkkiz", "doqquz",
		"on", "on bir", "on iki", "on üç", "on dörd", "on beş", "on altı", "on yeddi", "on səkkiz", "on doqquz"}
	tensAz = [10]string{2: "iyirmi", 3: "otuz", 4: "qırx", 5: "əlli", 6: "altmış", 7: "yetmiş", 8: "səksən", 9: "doxsan"}

	unitsRu = [20]string{"ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять",
		"десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать",
		"семнадцать", "восемнадцать", "девятнадцать"}
	tensRu = [10]string{2: "двадцать", 3: "тридцать", 4: "сорок", 5: "пятьдесят", 6: "шестьдесят",
		7: "семьдесят", 8: "восемьдесят", 9: "девяносто"}
	hundredsRu = [10]string{1: "сто", 2: "двести", 3: "триста", 4: "четыреста", 5: "пятьсот", 6: "шестьсот",
		7: "семьсот", 8: "восемьсот", 9: "девятьсот"}

	unitsEn = [20]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
		"ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tensEn = [10]string{2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}
)

// Gender is the grammatical gender Russian numbers and ordinals agree with.
type Gender uint8

// The genders of Russian.
const (
	Masculine Gender = iota
	Feminine
	Neuter
)

// Spell is the cardinal number n in words: "iki min iyirmi altı", "две тысячи двадцать
// шесть", "two thousand and twenty-six". A negative number begins with minus; beyond
// ±MaxNumber it is given in digits, for there is no such thing to say.
func Spell(lang Language, n int) string { return SpellGender(lang, n, Masculine) }

// SpellGender is Spell with the gender of the counted noun, which Russian needs
// (одна минута, две минуты).
func SpellGender(lang Language, n int, g Gender) string {
	if n < -MaxNumber || n > MaxNumber {
		return strconv.Itoa(n)
	}
	if n < 0 {
		minus := map[Language]string{Russian: "минус ", English: "minus "}[lang]
		if minus == "" {
			minus = "mənfi "
		}
		return minus + SpellGender(lang, -n, g)
	}
	var b strings.Builder
	joint := ""
	for _, w := range numberWords(lang, n, g) {
		b.WriteString(joint + w.text(lang))
		joint = " "
		if lang == English && w.kind == small && w.more {
			joint = "-"
		}
	}
	return b.String()
}

// word is one recorded piece of a number. The words of Spell and the clips of Number
// come from the same list, so that what is shown is what is heard.
type word struct {
	kind wordKind
	n    int    // 0–20, 30, 40 … 90 for small, 1–9 for hundreds
	g    Gender // small: Russian agreement
	form int    // thousand, million: Russian plural form
	more bool   // the number goes on with a smaller part: recorded with a voice that does not fall
	and  bool   // English: "and" follows and is part of the recording
}

type wordKind uint8

const (
	small wordKind = iota
	hundreds
	thousand
	million
)

// numberWords cuts n into its recorded pieces; 0 <= n <= MaxNumber.
func numberWords(lang Language, n int, g Gender) []word {
	if n == 0 {
		return []word{{kind: small}}
	}
	var out []word
	// In English the last two digits are joined to what is before them by "and".
	and := func(rest int) bool { return lang == English && rest > 0 && rest < 100 }
	if m := n / 1_000_000; m > 0 {
		rest := n % 1_000_000
		out = append(out, group(lang, m, Masculine)...)
		out = append(out, word{kind: million, form: formRu(lang, m), more: rest > 0, and: and(rest)})
	}
	if t := n / 1000 % 1000; t > 0 {
		rest := n % 1000
		if t > 1 || lang != Azerbaijani || n >= 1_000_000 {
			out = append(out, group(lang, t, Feminine)...)
		}
		out = append(out, word{kind: thousand, form: formRu(lang, t), more: rest > 0, and: and(rest)})
	}
	return append(out, group(lang, n%1000, g)...)
}

// group is a number 1–999; nothing for 0.
func group(lang Language, n int, g Gender) []word {
	var out []word
	h, r := n/100, n%100
	if h > 0 {
		out = append(out, word{kind: hundreds, n: h, more: r > 0, and: lang == English && r > 0})
	}
	if r > 20 && r%10 > 0 {
		out = append(out, word{kind: small, n: r - r%10, more: true})
		r %= 10
	}
	if r > 0 {
		// Only 1 and 2 are heard to agree, and in Russian only.
		if lang != Russian || r > 2 || r == 2 && g == Neuter {
			g = Masculine
		}
		out = append(out, word{kind: small, n: r, g: g})
	}
	return out
}

// formRu is the Russian plural form; other languages have one form.
func formRu(lang Language, n int) int {
	if lang != Russian {
		return 0
	}
	return pluralRu(n)
}

func (w word) text(lang Language) string {
	switch lang {
	case Russian:
		return w.ru()
	case English:
		return w.en()
	}
	switch w.kind {
	case hundreds:
		if w.n == 1 {
			return "yüz"
		}
		return unitsAz[w.n] + " yüz"
	case thousand:
		return "min"
	case million:
		return "milyon"
	}
	return simple(w.n, &unitsAz, &tensAz)
}

func (w word) ru() string {
	switch w.kind {
	case hundreds:
		return hundredsRu[w.n]
	case thousand:
		return [3]string{"тысяча", "тысячи", "тысяч"}[w.form]
	case million:
		return [3]string{"миллион", "миллиона", "миллионов"}[w.form]
	}
	switch {
	case w.g == Feminine && w.n == 1:
		return "одна"
	case w.g == Feminine && w.n == 2:
		return "две"
	case w.g == Neuter && w.n == 1:
		return "одно"
	}
	return simple(w.n, &unitsRu, &tensRu)
}

func (w word) en() string {
	and := ""
	if w.and {
		and = " and"
	}
	switch w.kind {
	case hundreds:
		return unitsEn[w.n] + " hundred" + and
	case thousand:
		return "thousand" + and
	case million:
		return "million" + and
	}
	return simple(w.n, &unitsEn, &tensEn)
}

func simple(n int, units *[20]string, tens *[10]string) string {
	if n < 20 {
		return units[n]
	}
	return tens[n/10]
}

// id is the name of the word's clip: "number.7", "number.2.f" (feminine), "number.h3"
// (three hundred), "number.thousand.2" (second Russian plural form); ".more" when the
// number goes on, ".and" when it goes on after an English "and".
func (w word) id() string {
	tail := ""
	switch {
	case w.and:
		tail = ".and"
	case w.more:
		tail = ".more"
	}
	switch w.kind {
	case hundreds:
		return fmt.Sprintf("number.h%d%s", w.n, tail)
	case thousand, million:
		name := "number.thousand"
		if w.kind == million {
			name = "number.million"
		}
		if w.form > 0 {
			name += fmt.Sprintf(".%d", w.form+1)
		}
		return name + tail
	}
	return fmt.Sprintf("number.%d%s%s", w.n, [3]string{"", ".f", ".n"}[w.g], tail)
}

// pluralRu is the Russian plural form a number asks for: 0 одна минута, 1 две минуты,
// 2 пять минут (CLDR one, few, many).
func pluralRu(n int) int {
	n = abs(n)
	if n/10%10 == 1 {
		return 2
	}
	switch n % 10 {
	case 1:
		return 0
	case 2, 3, 4:
		return 1
	}
	return 2
}

// SpellMinutes is a number of minutes with its noun: "beş dəqiqə", "две минуты", "one
// minute". The Azerbaijani noun stays singular after a number.
func SpellMinutes(lang Language, n int) string {
	switch lang {
	case Russian:
		return SpellGender(Russian, n, Feminine) + " " + [3]string{"минута", "минуты", "минут"}[pluralRu(n)]
	case English:
		if n == 1 {
			return "one minute"
		}
		return Spell(English, n) + " minutes"
	}
	return Spell(Azerbaijani, n) + " dəqiqə"
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
