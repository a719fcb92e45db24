// Package prompt knows what the platform says to people and how: the catalogue
// of phrases in Azerbaijani, Russian and English, the text normaliser that turns
// numbers, dates and phone numbers into words, and the recorded clips of both,
// G.711 A-law at 8,000 Hz, embedded in the program and replaceable file by file.
//
// It never plays anything, never reads a clock or the disk (an operator's files
// come in as an fs.FS) and starts no goroutine. The invariant: whatever Parts the
// library accepts, it returns only clips that are whole recordings made to stand
// next to each other, and every phrase of the catalogue has a clip in each language.
package prompt
