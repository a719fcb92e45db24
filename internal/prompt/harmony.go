package prompt

import "strings"

// Vowel harmony of Azerbaijani: a suffix takes its vowel from the last vowel of the
// spoken word before it. Two-fold suffixes have a or ə, four-fold ones ı, i, u or ü.

// lastVowel is the last vowel of word, in lower case; 0 if there is none.
func lastVowel(word string) rune {
	var last rune
	for _, r := range word {
		if strings.ContainsRune("aeəıioöuü", r) {
			last = r
		}
	}
	return last
}

func endsInVowel(word string) bool {
	r := []rune(word)
	return len(r) > 0 && strings.ContainsRune("aeəıioöuü", r[len(r)-1])
}

// low is the vowel of two-fold suffixes after word.
func low(word string) string {
	if strings.ContainsRune("aıou", lastVowel(word)) {
		return "a"
	}
	return "ə"
}

// high is the vowel of four-fold suffixes after word.
func high(word string) string {
	switch lastVowel(word) {
	case 'a', 'ı':
		return "ı"
	case 'o', 'u':
		return "u"
	case 'ö', 'ü':
		return "ü"
	}
	return "i"
}

// Case is a grammatical ending that Azerbaijani puts on numbers.
type Case uint8

// The endings, by what they answer.
const (
	Dative      Case = iota // to: beşə, ikiyə
	Locative                // at: beşdə, altıda
	Ablative                // from: doqquzdan, beşdən
	Terminative             // until: on səkkizədək
	Genitive                // of: beşin, ikinin
)

// WithCase is an Azerbaijani word (or number in words) with an ending.
func WithCase(word string, c Case) string {
	vowel := endsInVowel(word)
	switch c {
	case Locative:
		return word + "d" + low(word)
	case Ablative:
		return word + "d" + low(word) + "n"
	case Genitive:
		if vowel {
			return word + "n" + high(word) + "n"
		}
		return soften(word) + high(word) + "n"
	}
	dative := soften(word)
	if vowel {
		dative = word + "y"
	}
	dative += low(word)
	if c == Terminative {
		// -dək is the one ending that does not follow the vowel.
		return dative + "dək"
	}
	return dative
}

// soften turns the last q of a word of several syllables into ğ and k into y, as it
// happens before an ending that begins with a vowel (otaq, otağa). Of the numbers only
// qırx ends in a hard sound, and it stays.
func soften(word string) string {
	vowels := 0
	for _, r := range word {
		if strings.ContainsRune("aeəıioöuü", r) {
			vowels++
		}
	}
	if vowels < 2 {
		return word
	}
	if w, ok := strings.CutSuffix(word, "q"); ok {
		return w + "ğ"
	}
	if w, ok := strings.CutSuffix(word, "k"); ok {
		return w + "y"
	}
	return word
}

// ordinalAz turns a cardinal in words into the ordinal: üç → üçüncü, iki → ikinci.
// The t of dörd is heard and written as d.
func ordinalAz(words string) string {
	h := high(words)
	if endsInVowel(words) {
		return words + "nc" + h
	}
	return words + h + "nc" + h
}

// areAz makes "you are" of an ordinal or noun: üçüncü → üçüncüsünüz.
func areAz(word string) string {
	h := high(word)
	return word + "s" + h + "n" + h + "z"
}
