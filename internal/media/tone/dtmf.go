package tone

import (
	"fmt"
	"math"
	"time"
)

// The sixteen signals of ITU-T Q.23: one tone of the low, one of the high group.
var (
	dtmfLow  = [4]float64{697, 770, 852, 941}
	dtmfHigh = [4]float64{1209, 1336, 1477, 1633}
	dtmfKeys = [4]string{"123A", "456B", "789C", "*0#D"}
)

// dtmfLevel is the amplitude of each of the two tones: −9 dBm0 or so.
const dtmfLevel = 0.25

// DTMF gives the signal of a key ('0'..'9', '*', '#', 'A'..'D') for d.
func DTMF(key byte, d time.Duration) ([]byte, error) {
	for row, keys := range dtmfKeys {
		for column := range keys {
			if keys[column] == key {
				return Mix(d, dtmfLevel, dtmfLow[row], dtmfHigh[column]), nil
			}
		}
	}
	return nil, fmt.Errorf("tone: %q is not a DTMF key; use 0-9, *, # or A-D", key)
}

// Keys reads all DTMF keys in alaw, in order. It is a convenience over Detector.
func Keys(alaw []byte) string {
	var d Detector
	var keys []byte
	for len(alaw) > 0 {
		n := min(len(alaw), 160)
		keys = d.Feed(keys, alaw[:n])
		alaw = alaw[n:]
	}
	return string(keys)
}

// Detection constants after ITU-T Q.24 and the usual practice of exchanges.
const (
	dtmfBlock    = 205  // 25.6 ms: the length at which the eight bins separate best at 8 kHz
	dtmfHop      = 102  // half a block
	dtmfOnset    = 3    // equal blocks in a row to report a key: at least 38 ms, at most 51 ms
	dtmfRelease  = 2    // other blocks in a row to end it
	dtmfMinPower = 1e-4 // −40 dB of full scale
	dtmfPurity   = 0.70 // share of the block's energy that both tones must hold
	dtmfTwist    = 6.3  // 8 dB: how far one tone may exceed the other
	dtmfDominate = 6.3  // 8 dB over the next tone of the same group
)

// Detector recognises DTMF in the audio itself, for trunks that do not send
// RFC 4733 events. Each press is reported once, when it has lasted 40 ms or so.
// Speech rarely passes: both tones must hold most of the energy for that long.
// The zero value is ready; one goroutine owns it; it does not allocate.
type Detector struct {
	buf      [dtmfBlock]float64
	fill     int
	last     byte // key seen in the last block, 0: none
	repeated int  // how often last was seen in a row
	held     byte // key reported and not yet released
	released int  // blocks in a row without held
}

// Feed takes the next audio of the stream, of any length, and appends the keys
// that were recognised in it to keys.
func (d *Detector) Feed(keys, alaw []byte) []byte {
	for _, b := range alaw {
		d.buf[d.fill] = sample(b)
		d.fill++
		if d.fill < dtmfBlock {
			continue
		}
		if key := d.step(classify(&d.buf)); key != 0 {
			keys = append(keys, key)
		}
		d.fill = copy(d.buf[:], d.buf[dtmfHop:])
	}
	return keys
}

func (d *Detector) step(key byte) (report byte) {
	if key == d.last {
		d.repeated++
	} else {
		d.last, d.repeated = key, 1
	}
	if d.held != 0 {
		if key == d.held {
			d.released = 0
			return 0
		}
		if d.released++; d.released < dtmfRelease {
			return 0
		}
		d.held = 0
	}
	if key != 0 && d.repeated >= dtmfOnset {
		d.held, d.released = key, 0
		return key
	}
	return 0
}

// dtmfCoefficients are 2·cos(2π·f/8000) of the low and then the high group.
var dtmfCoefficients = func() (c [8]float64) {
	for i := range 4 {
		c[i] = 2 * math.Cos(2*math.Pi*dtmfLow[i]/SampleRate)
		c[4+i] = 2 * math.Cos(2*math.Pi*dtmfHigh[i]/SampleRate)
	}
	return c
}()

// classify gives the key that block holds, or 0.
func classify(block *[dtmfBlock]float64) byte {
	var total float64
	for _, v := range block {
		total += v * v
	}
	if total < dtmfMinPower*dtmfBlock {
		return 0
	}
	var power [8]float64
	for i, c := range dtmfCoefficients {
		var s1, s2 float64
		for _, v := range block {
			s1, s2 = v+c*s1-s2, s1
		}
		power[i] = 2.0 / dtmfBlock * (s1*s1 + s2*s2 - c*s1*s2)
	}
	row, lowNext := strongest(power[:4])
	column, highNext := strongest(power[4:])
	low, high := power[row], power[4+column]
	switch {
	case low+high < dtmfPurity*total,
		low > dtmfTwist*high, high > dtmfTwist*low,
		low < dtmfDominate*lowNext, high < dtmfDominate*highNext:
		return 0
	}
	return dtmfKeys[row][column]
}

// strongest gives the index of the largest value and the second largest value.
func strongest(power []float64) (index int, next float64) {
	for i, p := range power {
		if p > power[index] {
			index = i
		}
	}
	for i, p := range power {
		if i != index {
			next = max(next, p)
		}
	}
	return index, next
}
