//go:build !race

package workforce

const raceEnabled = false
