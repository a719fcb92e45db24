package prompt

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersInWords(t *testing.T) {
	for _, c := range []struct {
		n          int
		az, ru, en string
	}{
		{0, "sıfır", "ноль", "zero"},
		{1, "bir", "один", "one"},
		{11, "on bir", "одиннадцать", "eleven"},
		{21, "iyirmi bir", "двадцать один", "twenty-one"},
		{40, "qırx", "сорок", "forty"},
		{90, "doxsan", "девяносто", "ninety"},
		{100, "yüz", "сто", "one hundred"},
		{101, "yüz bir", "сто один", "one hundred and one"},
		{340, "üç yüz qırx", "триста сорок", "three hundred and forty"},
		{1000, "min", "одна тысяча", "one thousand"},
		{1001, "min bir", "одна тысяча один", "one thousand and one"},
		{2000, "iki min", "две тысячи", "two thousand"},
		{2026, "iki min iyirmi altı", "две тысячи двадцать шесть", "two thousand and twenty-six"},
		{5000, "beş min", "пять тысяч", "five thousand"},
		{11000, "on bir min", "одиннадцать тысяч", "eleven thousand"},
		{21000, "iyirmi bir min", "двадцать одна тысяча", "twenty-one thousand"},
		{125768, "yüz iyirmi beş min yeddi yüz altmış səkkiz", "сто двадцать пять тысяч семьсот шестьдесят восемь", "one hundred and twenty-five thousand seven hundred and sixty-eight"},
		{1_000_000, "bir milyon", "один миллион", "one million"},
		{1_001_000, "bir milyon bir min", "один миллион одна тысяча", "one million one thousand"},
		{2_000_002, "iki milyon iki", "два миллиона два", "two million and two"},
		{5_000_000, "beş milyon", "пять миллионов", "five million"},
		{-7, "mənfi yeddi", "минус семь", "minus seven"},
		{MaxNumber + 1, "1000000000", "1000000000", "1000000000"},
		{-MaxNumber - 1, "-1000000000", "-1000000000", "-1000000000"},
	} {
		for lang, want := range map[Language]string{Azerbaijani: c.az, Russian: c.ru, English: c.en} {
			if got := Spell(lang, c.n); got != want {
				t.Errorf("Spell(%s, %d) = %q, want %q", lang, c.n, got, want)
			}
		}
	}
}

func TestOrdinalsFollowTheLastSpokenVowel(t *testing.T) {
	for _, c := range []struct {
		n          int
		short, az  string
		ru, en     string
		ruNeuter   string
		ruGenitive string
	}{
		{1, "1-ci", "birinci", "первый", "first", "первое", "первого"},
		{2, "2-ci", "ikinci", "второй", "second", "второе", "второго"},
		{3, "3-cü", "üçüncü", "третий", "third", "третье", "третьего"},
		{4, "4-cü", "dördüncü", "четвёртый", "fourth", "четвёртое", "четвёртого"},
		{5, "5-ci", "beşinci", "пятый", "fifth", "пятое", "пятого"},
		{6, "6-cı", "altıncı", "шестой", "sixth", "шестое", "шестого"},
		{7, "7-ci", "yeddinci", "седьмой", "seventh", "седьмое", "седьмого"},
		{8, "8-ci", "səkkizinci", "восьмой", "eighth", "восьмое", "восьмого"},
		{9, "9-cu", "doqquzuncu", "девятый", "ninth", "девятое", "девятого"},
		{10, "10-cu", "onuncu", "десятый", "tenth", "десятое", "десятого"},
		{12, "12-ci", "on ikinci", "двенадцатый", "twelfth", "двенадцатое", "двенадцатого"},
		{20, "20-ci", "iyirminci", "двадцатый", "twentieth", "двадцатое", "двадцатого"},
		{40, "40-cı", "qırxıncı", "сороковой", "fortieth", "сороковое", "сорокового"},
		{100, "100-cü", "yüzüncü", "сотый", "one hundredth", "сотое", "сотого"},
		{123, "123-cü", "yüz iyirmi üçüncü", "сто двадцать третий", "one hundred and twenty-third", "сто двадцать третье", "сто двадцать третьего"},
		{1000, "1000-ci", "mininci", "тысячный", "one thousandth", "тысячное", "тысячного"},
		{2026, "2026-cı", "iki min iyirmi altıncı", "две тысячи двадцать шестой", "two thousand and twenty-sixth", "две тысячи двадцать шестое", "две тысячи двадцать шестого"},
		{25000, "25000-ci", "iyirmi beş mininci", "двадцатипятитысячный", "twenty-five thousandth", "двадцатипятитысячное", "двадцатипятитысячного"},
		{1_000_000, "1000000-cu", "bir milyonuncu", "миллионный", "one millionth", "миллионное", "миллионного"},
	} {
		for what, pair := range map[string][2]string{
			"short az":    {OrdinalShort(Azerbaijani, c.n), c.short},
			"az":          {Ordinal(Azerbaijani, c.n), c.az},
			"ru":          {Ordinal(Russian, c.n), c.ru},
			"en":          {Ordinal(English, c.n), c.en},
			"ru neuter":   {OrdinalRu(c.n, Neuter, false), c.ruNeuter},
			"ru genitive": {OrdinalRu(c.n, Masculine, true), c.ruGenitive},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%d %s: %q, want %q", c.n, what, pair[0], pair[1])
			}
		}
	}
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 111: "111th", 112: "112th"} {
		if got := OrdinalShort(English, n); got != want {
			t.Errorf("OrdinalShort(en, %d) = %q, want %q", n, got, want)
		}
	}
	if got := OrdinalRu(3, Feminine, false) + " " + OrdinalRu(3, Feminine, true) + " " + OrdinalRu(21, Feminine, false); got != "третья третьей двадцать первая" {
		t.Errorf("Russian feminine ordinals: %q", got)
	}
}

func TestMinutesAgreeWithTheirNumber(t *testing.T) {
	for n, want := range map[int][3]string{
		1:   {"bir dəqiqə", "одна минута", "one minute"},
		2:   {"iki dəqiqə", "две минуты", "two minutes"},
		5:   {"beş dəqiqə", "пять минут", "five minutes"},
		11:  {"on bir dəqiqə", "одиннадцать минут", "eleven minutes"},
		12:  {"on iki dəqiqə", "двенадцать минут", "twelve minutes"},
		21:  {"iyirmi bir dəqiqə", "двадцать одна минута", "twenty-one minutes"},
		24:  {"iyirmi dörd dəqiqə", "двадцать четыре минуты", "twenty-four minutes"},
		111: {"yüz on bir dəqiqə", "сто одиннадцать минут", "one hundred and eleven minutes"},
	} {
		for i, lang := range Languages() {
			if got := SpellMinutes(lang, n); got != want[i] {
				t.Errorf("SpellMinutes(%s, %d) = %q, want %q", lang, n, got, want[i])
			}
		}
	}
	if got := SpellGender(Russian, 1, Neuter) + " " + SpellGender(Russian, 2, Neuter) + " " + SpellGender(Russian, 2, Feminine); got != "одно два две" {
		t.Errorf("Russian genders: %q", got)
	}
}

func TestCasesOfNumbers(t *testing.T) {
	for word, want := range map[string][5]string{ // dative, locative, ablative, terminative, genitive
		"bir":    {"birə", "birdə", "birdən", "birədək", "birin"},
		"iki":    {"ikiyə", "ikidə", "ikidən", "ikiyədək", "ikinin"},
		"altı":   {"altıya", "altıda", "altıdan", "altıyadək", "altının"},
		"doqquz": {"doqquza", "doqquzda", "doqquzdan", "doqquzadək", "doqquzun"},
		"səkkiz": {"səkkizə", "səkkizdə", "səkkizdən", "səkkizədək", "səkkizin"},
		"üç":     {"üçə", "üçdə", "üçdən", "üçədək", "üçün"},
		"qırx":   {"qırxa", "qırxda", "qırxdan", "qırxadək", "qırxın"},
		"otaq":   {"otağa", "otaqda", "otaqdan", "otağadək", "otağın"},
		"çörək":  {"çörəyə", "çörəkdə", "çörəkdən", "çörəyədək", "çörəyin"},
	} {
		for i, c := range []Case{Dative, Locative, Ablative, Terminative, Genitive} {
			if got := WithCase(word, c); got != want[i] {
				t.Errorf("WithCase(%s, %d) = %q, want %q", word, c, got, want[i])
			}
		}
	}
}

// Every number can be heard, and what is heard is what is written.
func TestEveryNumberHasItsClips(t *testing.T) {
	texts := map[Language]map[string]string{}
	for _, lang := range Languages() {
		texts[lang] = map[string]string{}
		for _, r := range Inventory(lang) {
			texts[lang][r.ID] = strings.TrimSuffix(r.Text, ",")
		}
	}
	check := func(t interface {
		Fatalf(string, ...any)
	}, lang Language, n int, g Gender) {
		var heard []string
		words := numberWords(lang, n, g)
		for i, w := range words {
			text, ok := texts[lang][w.id()]
			if !ok {
				t.Fatalf("%s %d: no recording %s", lang, n, w.id())
			}
			// A multiplier ("yüz" of "yüz min") is recorded as it stands alone.
			goesOn := i < len(words)-1 && (w.kind > hundreds || words[i+1].kind == small)
			if w.more != goesOn && w.kind != small {
				t.Fatalf("%s %d: %s does not tell whether the number goes on", lang, n, w.id())
			}
			heard = append(heard, text)
		}
		want := strings.ReplaceAll(SpellGender(lang, n, g), "-", " ")
		if got := strings.Join(heard, " "); got != want {
			t.Fatalf("%s %d: heard %q, written %q", lang, n, got, want)
		}
	}
	for _, lang := range Languages() {
		for n := range 2100 {
			for _, g := range []Gender{Masculine, Feminine, Neuter} {
				check(t, lang, n, g)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lang := rapid.SampledFrom(Languages()).Draw(t, "language")
		check(t, lang, rapid.IntRange(0, MaxNumber).Draw(t, "n"), Gender(rapid.IntRange(0, 2).Draw(t, "gender")))
	})
}

func TestDifferentNumbersSoundDifferent(t *testing.T) {
	for _, lang := range Languages() {
		seen := map[string]int{}
		for n := range 20000 {
			s := Spell(lang, n)
			if m, twice := seen[s]; twice {
				t.Fatalf("%s: %d and %d are both %q", lang, m, n, s)
			}
			seen[s] = n
		}
	}
}
