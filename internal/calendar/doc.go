// Package calendar knows when a line is open and when a legal term ends: civil dates
// and minutes in Asia/Baku, the state production calendar (holidays, moved days off,
// swapped working days), opening hours held against clause 2.6 of the Rules, and terms
// counted in working days and months.
//
// # Where the days come from
//
// Days fixed by the Labour Code (article 105.2) are in data/law.yaml and hold for
// every year. What an act states for one year (Novruz, Ramazan and Qurban by article
// 105.4, swaps, elections) is in one file per year, data/2025.yaml and so on; an
// administrator adds a decree by handing the bytes of such a file to ParseFile and
// Calendar.With. Moved days off are computed by the rules of articles 105.5 and 105.6;
// a file may name them too, and then the two must agree.
//
// # What is not certain
//
// Every stated day is decreed or computed. A computed day is one that somebody worked
// out before the act existed. A feast of the moon may still come a day earlier or
// later. Such a day never closes a line: until a decree or the Confirmation of a person
// says that it holds, it counts as a working day, and Needs reports it with the number
// of days that are left. A legal term that meets one carries both dates and says why.
// AsKnown gives the calendar as it was known on an earlier day.
//
// # What it never does
//
// It never reads a clock, the disk or the network, draws no random number and starts no
// goroutine: dates and moments come in as arguments, data files are embedded. A
// Calendar and a Timetable never change once built; a new decree or confirmation makes
// a new one.
//
// The invariants: a day that Calendar calls off is off by law, by an act or by the
// recorded word of a person; a set of Hours that passed Check is open in every minute
// from 09:00 to 18:00 of every working day, or always if it serves emergencies, save
// the closures it reports with their recorded grounds.
package calendar
