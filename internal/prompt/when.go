package prompt

import (
	"fmt"
	"strings"
)

var (
	monthsAz = [13]string{1: "yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avqust", "sentyabr", "oktyabr", "noyabr", "dekabr"}
	monthsRu = [13]string{1: "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}
	monthsEn = [13]string{1: "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
)

func validDate(year, month, day int) bool {
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// Date is a date as documents write it: "21 aprel 2026-cı il", "21 апреля 2026 года",
// "21 April 2026". A date that does not exist is given in digits.
func Date(lang Language, year, month, day int) string {
	if !validDate(year, month, day) {
		return fmt.Sprintf("%02d.%02d.%04d", day, month, year)
	}
	switch lang {
	case Russian:
		return fmt.Sprintf("%d %s %d года", day, monthsRu[month], year)
	case English:
		return fmt.Sprintf("%d %s %d", day, monthsEn[month], year)
	}
	return fmt.Sprintf("%d %s %s il", day, monthsAz[month], OrdinalShort(Azerbaijani, year))
}

// SpellDate is a date as it is read out: "iyirmi bir aprel iki min iyirmi altıncı il",
// "двадцать первое апреля две тысячи двадцать шестого года", "the twenty-first of April
// two thousand and twenty-six".
func SpellDate(lang Language, year, month, day int) string {
	if !validDate(year, month, day) {
		return Date(lang, year, month, day)
	}
	switch lang {
	case Russian:
		return fmt.Sprintf("%s %s %s года", OrdinalRu(day, Neuter, false), monthsRu[month], OrdinalRu(year, Masculine, true))
	case English:
		return fmt.Sprintf("the %s of %s %s", ordinalEn(day), monthsEn[month], Spell(English, year))
	}
	return fmt.Sprintf("%s %s %s il", Spell(Azerbaijani, day), monthsAz[month], Ordinal(Azerbaijani, year))
}

// SpellTime is a time of day as it is read out, without a word for "o'clock" in
// Azerbaijani, where "saat" stands before it: "doqquz", "on səkkiz otuz", "doqquz sıfır
// beş"; "девять часов пять минут"; "nine o five a.m.".
func SpellTime(lang Language, hour, minute int) string {
	if hour < 0 || hour > 24 || minute < 0 || minute > 59 {
		return fmt.Sprintf("%02d:%02d", hour, minute)
	}
	switch lang {
	case Russian:
		s := Spell(Russian, hour) + " " + [3]string{"час", "часа", "часов"}[pluralRu(hour)]
		if minute > 0 {
			s += " " + SpellMinutes(Russian, minute)
		}
		return s
	case English:
		return timeEn(hour, minute)
	}
	s := Spell(Azerbaijani, hour)
	switch {
	case minute == 0:
	case minute < 10:
		s += " sıfır " + Spell(Azerbaijani, minute)
	default:
		s += " " + Spell(Azerbaijani, minute)
	}
	return s
}

func timeEn(hour, minute int) string {
	switch {
	case minute == 0 && hour%24 == 0:
		return "midnight"
	case minute == 0 && hour == 12:
		return "noon"
	}
	half := "a.m."
	if hour%24 >= 12 {
		half = "p.m."
	}
	s := Spell(English, (hour+11)%12+1)
	switch {
	case minute == 0:
	case minute < 10:
		s += " oh " + Spell(English, minute)
	default:
		s += " " + Spell(English, minute)
	}
	return s + " " + half
}

// PhoneGroups cuts a telephone number into the groups people say. Groups that are in
// the number already (spaces, hyphens, brackets) are kept; otherwise Azerbaijani
// numbers are cut as area, three, two, two, and short numbers of four digits in pairs.
// A leading + is dropped.
func PhoneGroups(s string) []string {
	groups := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if len(groups) != 1 {
		return groups
	}
	d := groups[0]
	cut := func(sizes ...int) []string {
		var out []string
		rest := d
		for _, n := range sizes {
			out, rest = append(out, rest[:n]), rest[n:]
		}
		return out
	}
	switch {
	case len(d) == 12 && strings.HasPrefix(d, "994"):
		return cut(3, 2, 3, 2, 2)
	case len(d) == 10 && d[0] == '0':
		return cut(3, 3, 2, 2)
	case len(d) == 9:
		return cut(2, 3, 2, 2)
	case len(d) <= 3:
		return groups
	}
	// Pairs from the end, with three in front when the count is odd.
	sizes := make([]int, 0, len(d)/2)
	if len(d)%2 == 1 {
		sizes = append(sizes, 3)
		for range (len(d) - 3) / 2 {
			sizes = append(sizes, 2)
		}
		return cut(sizes...)
	}
	for range len(d) / 2 {
		sizes = append(sizes, 2)
	}
	return cut(sizes...)
}

// SpellPhone is a telephone number in words, group by group with a comma between:
// "sıfır on iki, dörd yüz doxsan üç, sıfır bir, iyirmi üç".
func SpellPhone(lang Language, s string) string {
	var out []string
	for _, g := range PhoneGroups(s) {
		var words []string
		for _, n := range groupNumbers(g) {
			words = append(words, Spell(lang, n))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, ", ")
}

// groupNumbers are the numbers a group of digits is read as: leading zeros one by one,
// then the rest as one number; more than three digits one by one.
func groupNumbers(g string) []int {
	var out []int
	if len(g) > 3 {
		for _, c := range g {
			out = append(out, int(c-'0'))
		}
		return out
	}
	for len(g) > 0 && g[0] == '0' {
		out, g = append(out, 0), g[1:]
	}
	if g == "" {
		return out
	}
	n := 0
	for _, c := range g {
		n = n*10 + int(c-'0')
	}
	return append(out, n)
}

// digitName is what a key of the telephone is called.
func digitName(lang Language, c rune) string {
	switch {
	case c >= '0' && c <= '9':
		return Spell(lang, int(c-'0'))
	case c == '*':
		return pick(lang, "ulduz", "звёздочка", "star")
	case c == '#':
		return pick(lang, "diez", "решётка", "hash")
	}
	return ""
}

func pick(lang Language, az, ru, en string) string {
	switch lang {
	case Russian:
		return ru
	case English:
		return en
	}
	return az
}
