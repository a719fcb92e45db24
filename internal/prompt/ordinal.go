package prompt

import (
	"strconv"
	"strings"
)

// Ordinal is n as an ordinal in words: "üçüncü", "третий" (masculine), "third".
func Ordinal(lang Language, n int) string {
	switch lang {
	case Russian:
		return OrdinalRu(n, Masculine, false)
	case English:
		return ordinalEn(n)
	}
	return ordinalAz(Spell(Azerbaijani, n))
}

// OrdinalShort is n as an ordinal in digits: "3-cü", "1000-ci", "3-й", "3rd".
func OrdinalShort(lang Language, n int) string {
	d := strconv.Itoa(n)
	switch lang {
	case Russian:
		return d + "-й"
	case English:
		r := abs(n)
		if r/10%10 != 1 {
			switch r % 10 {
			case 1:
				return d + "st"
			case 2:
				return d + "nd"
			case 3:
				return d + "rd"
			}
		}
		return d + "th"
	}
	return d + "-c" + high(Spell(Azerbaijani, n))
}

var ordinalsEn = map[string]string{
	"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}

func ordinalEn(n int) string {
	s := Spell(English, n)
	cut := strings.LastIndexAny(s, " -") + 1
	head, last := s[:cut], s[cut:]
	switch {
	case ordinalsEn[last] != "":
		return head + ordinalsEn[last]
	case strings.HasSuffix(last, "y"):
		return head + strings.TrimSuffix(last, "y") + "ieth"
	}
	return head + last + "th"
}

// Stems of Russian ordinals; the ending is added by endingRu. Those on -ой carry the
// stress there, третий is its own kind.
var ordinalsRu = map[string]string{
	"ноль": "нулев", "один": "перв", "два": "втор", "три": "трет", "четыре": "четвёрт", "пять": "пят", "шесть": "шест",
	"семь": "седьм", "восемь": "восьм", "девять": "девят", "сорок": "сороков", "пятьдесят": "пятидесят",
	"шестьдесят": "шестидесят", "семьдесят": "семидесят", "восемьдесят": "восьмидесят", "девяносто": "девяност",
	"сто": "сот", "двести": "двухсот", "триста": "трёхсот", "четыреста": "четырёхсот", "пятьсот": "пятисот",
	"шестьсот": "шестисот", "семьсот": "семисот", "восемьсот": "восьмисот", "девятьсот": "девятисот",
}

// prefixesRu are the numbers in the genitive as they are glued to -тысячный and
// -миллионный; the three that differ from it (сто, девяносто, тысяча) stay.
var prefixesRu = map[string]string{
	"один": "одно", "два": "двух", "три": "трёх", "четыре": "четырёх", "восемь": "восьми", "сорок": "сорока",
	"пятьдесят": "пятидесяти", "шестьдесят": "шестидесяти", "семьдесят": "семидесяти", "восемьдесят": "восьмидесяти",
	"девяносто": "девяносто", "сто": "сто", "двести": "двухсот", "триста": "трёхсот", "четыреста": "четырёхсот",
	"пятьсот": "пятисот", "шестьсот": "шестисот", "семьсот": "семисот", "восемьсот": "восьмисот", "девятьсот": "девятисот",
}

// OrdinalRu is a Russian ordinal: первый, первая, первое; in the genitive первого, первой.
func OrdinalRu(n int, g Gender, genitive bool) string {
	if n < 0 || n > MaxNumber {
		return strconv.Itoa(n)
	}
	// Only the last word is an ordinal; round thousands and millions are one glued word.
	head, stem := "", ""
	switch {
	case n > 0 && n%1_000_000 == 0:
		stem = glueRu(n/1_000_000) + "миллионн"
	case n > 0 && n%1000 == 0:
		t := n / 1000 % 1000
		head = Spell(Russian, n-t*1000)
		stem = glueRu(t) + "тысячн"
	default:
		s := Spell(Russian, n)
		cut := strings.LastIndexByte(s, ' ') + 1
		head, stem = strings.TrimSpace(s[:cut]), ordinalsRu[s[cut:]]
		if stem == "" { // десять, двадцать, одиннадцать …: the soft sign gives way
			stem = strings.TrimSuffix(s[cut:], "ь")
		}
	}
	if n == 0 || head == Spell(Russian, 0) {
		head = ""
	}
	if head != "" {
		head += " "
	}
	return head + stem + endingRu(stem, g, genitive)
}

func glueRu(n int) string {
	if n == 1 {
		return ""
	}
	var b strings.Builder
	for _, w := range strings.Fields(Spell(Russian, n)) {
		switch p := prefixesRu[w]; {
		case p != "":
			b.WriteString(p)
		default: // пять → пяти, двадцать → двадцати
			b.WriteString(strings.TrimSuffix(w, "ь") + "и")
		}
	}
	return b.String()
}

func endingRu(stem string, g Gender, genitive bool) string {
	third := stem == "трет"
	switch {
	case genitive && g == Feminine && third:
		return "ьей"
	case genitive && g == Feminine:
		return "ой"
	case genitive && third:
		return "ьего"
	case genitive:
		return "ого"
	case third:
		return [3]string{"ий", "ья", "ье"}[g]
	case g == Feminine:
		return "ая"
	case g == Neuter:
		return "ое"
	}
	switch stem {
	case "нулев", "втор", "шест", "седьм", "восьм", "сороков":
		return "ой"
	}
	return "ый"
}
