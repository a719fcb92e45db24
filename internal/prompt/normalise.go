package prompt

import (
	"regexp"
	"strconv"
	"strings"
)

// What Normalise turns into words, in the order tried at each digit. A suffix is what
// a language hangs on a number with a hyphen ("3-cü", "09:00-dan", "21-го") or, in
// English, without one ("3rd").
var (
	reDate   = regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})`)
	reDayAz  = regexp.MustCompile(`^(\d{1,2}) (yanvar|fevral|mart|aprel|may|iyun|iyul|avqust|sentyabr|oktyabr|noyabr|dekabr) (\d{4})-c[ıiuü] il`)
	reDayRu  = regexp.MustCompile(`^(\d{1,2}) (января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)(?: (\d{4}) года)?`)
	reTime   = regexp.MustCompile(`^(\d{1,2}):(\d{2})`)
	rePhone  = regexp.MustCompile(`^\+?\d{2,4}(?:[ -]\d{2,3}){2,4}|^\+\d{7,15}|^0\d{9}`)
	reNumber = regexp.MustCompile(`^\d{1,3}(?:[  ]\d{3})+|^\d+`)
	reEnding = regexp.MustCompile(`^-(\p{L}+)`)
	reEnEnd  = regexp.MustCompile(`^(?:st|nd|rd|th)\b`)
)

// Normalise is text as a voice should read it: numbers, ordinals, dates, times, phone
// numbers, "24/7", %, № and ₼ in words, with the endings the language asks for
// ("09:00-dan" → "doqquzdan"). All other text stays as it is.
func Normalise(lang Language, text string) string {
	var b strings.Builder
	rest := text
	afterWord := false // a digit inside a word (A4) is left alone
	for rest != "" {
		if c := rest[0]; !afterWord && (c >= '0' && c <= '9' || c == '+') {
			if words, n := readNumber(lang, rest); n > 0 {
				b.WriteString(words)
				rest = rest[n:]
				if strings.HasSuffix(words, ".") {
					rest = strings.TrimPrefix(rest, ".") // "p.m." ends its sentence itself
				}
				if point := decimal(lang, rest); point != "" {
					b.WriteString(point)
					rest = rest[1:]
					continue
				}
				afterWord = true
				continue
			}
		}
		r := []rune(rest[:min(len(rest), 4)])[0]
		n := len(string(r))
		if r == '\uFFFD' {
			n = 1 // a broken byte is passed on as it is
			b.WriteByte(rest[0])
		} else if s := symbol(lang, r); s != "" {
			if before := b.String(); before != "" && !strings.HasSuffix(before, " ") {
				b.WriteByte(' ')
			}
			b.WriteString(s)
			if len(rest) > n && rest[n] != ' ' && !strings.ContainsRune(".,;:!?)", rune(rest[n])) {
				b.WriteByte(' ')
			}
		} else {
			b.WriteString(rest[:n])
		}
		afterWord = isWord(r)
		rest = rest[n:]
	}
	return b.String()
}

// decimal is the word for the point or comma between two numbers that rest begins with
// ("11.3-cü bənd"), with spaces around it; empty if it begins with something else.
func decimal(lang Language, rest string) string {
	if len(rest) < 2 || rest[1] < '0' || rest[1] > '9' {
		return ""
	}
	switch rest[0] {
	case '.':
		return pick(lang, " nöqtə ", " точка ", " point ")
	case ',':
		return pick(lang, " vergül ", " запятая ", " point ")
	}
	return ""
}

func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7F && !strings.ContainsRune("«»„“”–—№₼ …", r)
}

func symbol(lang Language, r rune) string {
	switch r {
	case '%':
		return pick(lang, "faiz", "процентов", "percent")
	case '№':
		return pick(lang, "nömrə", "номер", "number")
	case '₼':
		return pick(lang, "manat", "манат", "manats")
	}
	return ""
}

// readNumber reads what stands at the beginning of s and says how many bytes that was;
// 0 when nothing there is a number.
func readNumber(lang Language, s string) (string, int) {
	if strings.HasPrefix(s, "24/7") {
		return pick(lang, "həftənin yeddi günü iyirmi dörd saat", "круглосуточно, без выходных", "twenty-four hours a day, seven days a week"), 4
	}
	if m := reDate.FindStringSubmatch(s); m != nil && validDate(atoi(m[3]), atoi(m[2]), atoi(m[1])) {
		return SpellDate(lang, atoi(m[3]), atoi(m[2]), atoi(m[1])), len(m[0])
	}
	if lang == Azerbaijani {
		if m := reDayAz.FindStringSubmatch(s); m != nil {
			return Spell(lang, atoi(m[1])) + " " + m[2] + " " + Ordinal(lang, atoi(m[3])) + " il", len(m[0])
		}
	}
	if lang == Russian {
		if m := reDayRu.FindStringSubmatch(s); m != nil {
			out := OrdinalRu(atoi(m[1]), Neuter, false) + " " + m[2]
			if m[3] != "" {
				out += " " + OrdinalRu(atoi(m[3]), Masculine, true) + " года"
			}
			return out, len(m[0])
		}
	}
	if m := reTime.FindStringSubmatch(s); m != nil && atoi(m[1]) <= 24 && atoi(m[2]) < 60 {
		return ending(lang, SpellTime(lang, atoi(m[1]), atoi(m[2])), s, len(m[0]))
	}
	if m := rePhone.FindString(s); m != "" {
		return SpellPhone(lang, m), len(m)
	}
	m := reNumber.FindString(s)
	if m == "" {
		return "", 0
	}
	digits := strings.NewReplacer(" ", "", "\u00a0", "").Replace(m)
	if len(digits) > 9 || len(digits) > 1 && digits[0] == '0' {
		// A code, not a count: digit by digit.
		var words []string
		for _, c := range digits {
			words = append(words, digitName(lang, c))
		}
		return strings.Join(words, " "), len(m)
	}
	n := atoi(digits)
	switch lang {
	case English:
		if e := reEnEnd.FindString(s[len(m):]); e != "" {
			return ordinalEn(n), len(m) + len(e)
		}
	case Russian:
		if e := reEnding.FindStringSubmatch(s[len(m):]); e != nil {
			if w := ordinalEndingRu(n, e[1]); w != "" {
				return w, len(m) + len(e[0])
			}
		}
	default:
		if e := reEnding.FindStringSubmatch(s[len(m):]); e != nil {
			if rest, ok := ordinalEndingAz(e[1]); ok {
				word := Ordinal(lang, n)
				if rest != "" {
					word = inflectAz(word, rest)
				}
				return word, len(m) + len(e[0])
			}
		}
	}
	return ending(lang, Spell(lang, n), s, len(m))
}

// ending adds the Azerbaijani ending that stands after used bytes of s.
func ending(lang Language, words, s string, used int) (string, int) {
	if lang == Azerbaijani {
		if e := reEnding.FindStringSubmatch(s[used:]); e != nil {
			return inflectAz(words, e[1]), used + len(e[0])
		}
	}
	return words, used
}

// ordinalEndingAz tells whether suffix is the short form of an ordinal (-cı, -ci, -cu,
// -cü) and what ending follows it ("-cidən" → "dən").
func ordinalEndingAz(suffix string) (rest string, ok bool) {
	for _, c := range []string{"cı", "ci", "cu", "cü"} {
		if rest, ok = strings.CutPrefix(suffix, c); ok {
			return rest, true
		}
	}
	return "", false
}

// inflectAz puts the ending a writer hung on a number in digits on the number in words,
// in the form the spoken word asks for.
func inflectAz(word, suffix string) string {
	switch suffix {
	case "dan", "dən":
		return WithCase(word, Ablative)
	case "da", "də":
		return WithCase(word, Locative)
	case "dək", "adək", "ədək", "yadək", "yədək", "dak":
		return WithCase(word, Terminative)
	case "a", "ə", "ya", "yə":
		return WithCase(word, Dative)
	case "ın", "in", "un", "ün", "nın", "nin", "nun", "nün":
		return WithCase(word, Genitive)
	}
	return word + suffix
}

func ordinalEndingRu(n int, suffix string) string {
	switch suffix {
	case "й", "ый", "ий", "ой":
		return OrdinalRu(n, Masculine, false)
	case "я", "ая":
		return OrdinalRu(n, Feminine, false)
	case "е", "ое":
		return OrdinalRu(n, Neuter, false)
	case "го", "ого", "его":
		return OrdinalRu(n, Masculine, true)
	}
	return ""
}

// atoi is the value of a string that a pattern above found to be digits.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return MaxNumber + 1
	}
	return n
}
