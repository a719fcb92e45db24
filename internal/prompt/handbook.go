package prompt

import (
	"fmt"
	"strings"
)

// Handbook is the page docs/prompts.md: how to replace phrases, and all of them. It is
// written by make prompts; a test notices when the page is older than the catalogue.
func Handbook() string {
	var b strings.Builder
	b.WriteString(handbookHead)
	b.WriteString("\n## Phrases\n")
	for _, p := range phrases {
		fmt.Fprintf(&b, "\n### `%s`\n%s.\n\n- az: %s\n- ru: %s\n- en: %s\n", p.ID, p.Use, p.Az, p.Ru, p.En)
	}
	b.WriteString("\n## Numbers, positions, minutes\n\nComposed announcements use these recordings.\n")
	for _, group := range handbookGroups {
		fmt.Fprintf(&b, "\n### %s\n%s\n\n| recording | az | ru | en |\n|---|---|---|---|\n", group.title, group.remark)
		for _, id := range groupIDs(group.prefix) {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", id, recordingText(Azerbaijani, id), recordingText(Russian, id), recordingText(English, id))
		}
	}
	return b.String()
}

// groupIDs are the ids with a prefix in any language, in recording order.
func groupIDs(prefix string) []string {
	var out []string
	seen := map[string]bool{}
	for _, lang := range []Language{Azerbaijani, Russian, English} {
		for _, r := range Inventory(lang) {
			if strings.HasPrefix(r.ID, prefix) && !seen[r.ID] && !Known(r.ID) {
				seen[r.ID] = true
				out = append(out, r.ID)
			}
		}
	}
	return out
}

// recordingText is what a recording says, "–" when the language does not have it.
func recordingText(lang Language, id string) string {
	for _, r := range Inventory(lang) {
		if r.ID == id {
			return r.Text
		}
	}
	return "–"
}

var handbookGroups = []struct{ prefix, title, remark string }{
	{"position.", "Positions 1–20", "Whole sentences. From 21 on `queue.position.number` and a number, above 100 `queue.position.more`."},
	{"minutes.", "Minutes", "After `queue.wait.before`; without the sound of a finished sentence."},
	{"number.", "Pieces of numbers", "Any number up to 999,999,999. A piece with a comma (`.more`, `.and`) goes on: do not let the voice fall."},
	{"digit.", "Keys", "Digits use the numbers 0–9."},
}

const handbookHead = `# What callers hear, and how to replace it with a human voice

Every phrase is in the program already, spoken by a synthetic voice (espeak-ng). It is
good enough to start and to test with. **For the public, let a person record the phrases**:
a calm voice, a quiet room, each sentence in one breath.

## Replace a phrase
1. Record it and save it as a mono WAV file, 16-bit PCM (8, 16, 22.05, 44.1 or 48 kHz) or
   A-law at 8 kHz. Bring it to about -20 dBFS and cut the silence at both ends to less than
   a tenth of a second; the program joins recordings without further gaps.
2. Name it after the phrase and put it in the folder of its language: ` + "`az/greeting.wav`" + `,
   ` + "`ru/notice.recorded.wav`" + `, ` + "`en/number.h3.and.wav`" + `.
3. Name the folder that holds az, ru and en in the configuration (` + "`prompts: {dir: …}`" + `) and start the
   program again. A file that cannot be used is named with the reason; then the program does not start.

What you leave out stays as it is, so begin with ` + "`greeting`" + ` (with the body's name) and
` + "`notice.recorded`" + `. Numbers should come from one voice: record all of a language or none.

` + "`music.wav`" + ` at the top of the folder replaces the music on hold (it is played in a loop).

A phrase that does not exist yet is named ` + "`own.<name>`" + `, for example ` + "`az/own.address.wav`" + `; flows
say it by that name (see flows.md). It must be there in Azerbaijani; a caller who speaks another
language hears the Azerbaijani one if there is no other.

The phrase ` + "`notice.recorded`" + ` carries a duty: a caller must be told of the recording before it
begins. Change its words only with your lawyer.

## Change the words
The catalogue is ` + "`internal/prompt/catalogue.go`" + `. After a change run ` + "`make prompts`" + ` (it needs espeak-ng),
which speaks everything anew and writes this page; a test fails until you do. Digits in a text
are read out in the right form: ` + "`09:00-dan`" + ` is spoken "doqquzdan", ` + "`3-cü`" + ` "üçüncü".
`
