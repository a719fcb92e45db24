package prompt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestNormaliseReadsWhatPeopleWrite(t *testing.T) {
	for _, c := range []struct {
		lang     Language
		in, want string
	}{
		{Azerbaijani, "1 düyməsini basın", "bir düyməsini basın"},
		{Azerbaijani, "saat 09:00-dan 18:00-dək", "saat doqquzdan on səkkizədək"},
		{Azerbaijani, "saat 09:05-də", "saat doqquz sıfır beşdə"},
		{Azerbaijani, "18:30-a qədər", "on səkkiz otuza qədər"},
		{Azerbaijani, "3-cü bənd, 6-cı hissə, 1000-ci zəng", "üçüncü bənd, altıncı hissə, mininci zəng"},
		{Azerbaijani, "3-ci", "üçüncü"}, // a slip of the writer is not read out
		{Azerbaijani, "2026-cıdan", "iki min iyirmi altıncıdan"},
		{Azerbaijani, "11.3-cü bənd", "on bir nöqtə üçüncü bənd"},
		{Azerbaijani, "36 saatdan çox", "otuz altı saatdan çox"},
		{Azerbaijani, "20-dən çox, 100-ə qədər, 6-da", "iyirmidən çox, yüzə qədər, altıda"},
		{Azerbaijani, "21 aprel 2026-cı il tarixində", "iyirmi bir aprel iki min iyirmi altıncı il tarixində"},
		{Azerbaijani, "21.04.2026 tarixli", "iyirmi bir aprel iki min iyirmi altıncı il tarixli"},
		{Azerbaijani, "31.02.2026", "otuz bir nöqtə sıfır iki nöqtə iki min iyirmi altı"},
		{Azerbaijani, "24/7 xidmət", "həftənin yeddi günü iyirmi dörd saat xidmət"},
		{Azerbaijani, "108 nömrəsi", "yüz səkkiz nömrəsi"},
		{Azerbaijani, "012 493 01 23", "sıfır on iki, dörd yüz doxsan üç, sıfır bir, iyirmi üç"},
		{Azerbaijani, "+994501234567", "doqquz yüz doxsan dörd, əlli, yüz iyirmi üç, qırx beş, altmış yeddi"},
		{Azerbaijani, "125 768 zəng", "yüz iyirmi beş min yeddi yüz altmış səkkiz zəng"},
		{Azerbaijani, "90%, №5, 5₼", "doxsan faiz, nömrə beş, beş manat"},
		{Azerbaijani, "kod 0123", "kod sıfır bir iki üç"},
		{Azerbaijani, "A4 vərəq", "A4 vərəq"},
		{Azerbaijani, "Çağrı Mərkəzi", "Çağrı Mərkəzi"},
		{Russian, "нажмите 2.", "нажмите два."},
		{Russian, "21 апреля 2026 года", "двадцать первое апреля две тысячи двадцать шестого года"},
		{Russian, "5 мая", "пятое мая"},
		{Russian, "3-й, 2-я, 1-е, 5-го", "третий, вторая, первое, пятого"},
		{Russian, "в 18:05", "в восемнадцать часов пять минут"},
		{Russian, "24/7", "круглосуточно, без выходных"},
		{English, "press 3.", "press three."},
		{English, "the 3rd and 21st", "the third and twenty-first"},
		{English, "from 09:00 to 18:00.", "from nine a.m. to six p.m."},
		{English, "at 00:00, 12:00, 12:30 and 09:05", "at midnight, noon, twelve thirty p.m. and nine oh five a.m."},
		{English, "1.5 hours", "one point five hours"},
	} {
		if got := Normalise(c.lang, c.in); got != c.want {
			t.Errorf("Normalise(%s, %q)\n got %q\nwant %q", c.lang, c.in, got, c.want)
		}
	}
}

func TestDatesAndTimes(t *testing.T) {
	for got, want := range map[string]string{
		Date(Azerbaijani, 2026, 4, 21):      "21 aprel 2026-cı il",
		Date(Azerbaijani, 2025, 1, 1):       "1 yanvar 2025-ci il",
		Date(Azerbaijani, 2030, 5, 9):       "9 may 2030-cu il",
		Date(Azerbaijani, 2100, 5, 9):       "9 may 2100-cü il",
		Date(Russian, 2026, 4, 21):          "21 апреля 2026 года",
		Date(English, 2026, 4, 21):          "21 April 2026",
		Date(Azerbaijani, 2026, 2, 29):      "29.02.2026",
		Date(English, 2024, 2, 29):          "29 February 2024",
		SpellDate(English, 2026, 4, 21):     "the twenty-first of April two thousand and twenty-six",
		SpellDate(Azerbaijani, 2026, 13, 1): "01.13.2026",
		SpellTime(Azerbaijani, 18, 0):       "on səkkiz",
		SpellTime(Russian, 21, 0):           "двадцать один час",
		SpellTime(Russian, 2, 0):            "два часа",
		SpellTime(English, 24, 0):           "midnight",
		SpellTime(English, 25, 0):           "25:00",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPhoneNumbersAreCutAsPeopleSayThem(t *testing.T) {
	for in, want := range map[string]string{
		"0124930123":         "012 493 01 23",
		"+994124930123":      "994 12 493 01 23",
		"501234567":          "50 123 45 67",
		"4930123":            "493 01 23",
		"1542":               "15 42",
		"108":                "108",
		"(012) 493-01-23":    "012 493 01 23",
		"12":                 "12",
		"":                   "",
		"abc":                "",
		"123456789012345678": "12 34 56 78 90 12 34 56 78",
	} {
		if got := strings.Join(PhoneGroups(in), " "); got != want {
			t.Errorf("PhoneGroups(%q) = %q, want %q", in, got, want)
		}
	}
	if got := SpellPhone(Russian, "1542"); got != "пятнадцать, сорок два" {
		t.Errorf("SpellPhone: %q", got)
	}
	if got := SpellPhone(English, "007 12345"); got != "zero zero seven, one two three four five" {
		t.Errorf("SpellPhone: %q", got)
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"", "21 aprel 2026-cı il", "09:00-dan 18:00-dək", "99999999999999999999", "1.2.3", "№", "+", "\xff1", "3-cü", "24/7", "0 000 000", "1-", "%%", "12:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, lang := range append(Languages(), "xx") {
			out := Normalise(lang, s)
			if utf8.ValidString(s) && !utf8.ValidString(out) {
				t.Fatalf("%s: %q became broken: %q", lang, s, out)
			}
			_ = SpellPhone(lang, s)
		}
	})
}
