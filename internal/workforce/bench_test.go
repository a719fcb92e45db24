package workforce

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"runtime"
	"testing"
	"time"

	"cagri/internal/routing"
)

// reseal puts a right check sum under b.
func reseal(b []byte) []byte {
	if len(b) >= 4 {
		b = b[:len(b)-4]
	}
	return binary.BigEndian.AppendUint32(append([]byte(nil), b...), crc32.ChecksumIEEE(b))
}

var round = []routing.AgentState{routing.Offered, routing.Talking, routing.WrapUp, routing.Ready}

// work has every person work one week: shifts of 7 hours on 5 days, a call each 12
// minutes, and calls f after each move.
func work(l *Ledger, people []routing.AgentID, wk int, every time.Duration, f func()) {
	for day := range 5 {
		begin := monday.Add(time.Duration(wk*7+day)*24*h + 9*h)
		for i, id := range people {
			at := begin
			put := func(to routing.AgentState, call string) {
				l.Apply(Move{ID: fmt.Sprint(id, wk, at.UnixNano(), to), Person: id, At: at, To: to, Body: "asan", Station: InHall("h1"), Call: call, Queue: "q"})
				if f != nil {
					f()
				}
			}
			if i%5 == 0 {
				at = at.Add(time.Duration(i) * time.Millisecond)
			}
			put(routing.Ready, "")
			for n := 0; n < int(7*h/every); n++ {
				for k, to := range round {
					at = at.Add(every / 4)
					put(to, fmt.Sprint("c", n, k/4))
				}
			}
			put(routing.SignedOut, "")
		}
	}
}

func crew(n int) []routing.AgentID {
	out := make([]routing.AgentID, n)
	for i := range out {
		out[i] = routing.AgentID(fmt.Sprintf("agent%05d", i))
	}
	return out
}

func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func BenchmarkMove(b *testing.B) {
	l := New(Readings{})
	people := crew(5000)
	at := monday
	moves := make([]Move, len(people))
	for i, id := range people {
		moves[i] = Move{Person: id, Body: "asan", Station: InHall("h1"), Queue: "q"}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &moves[i%len(people)]
		m.At, m.From, m.To = at, m.To, round[i/len(people)%4]
		at = at.Add(40 * time.Millisecond) // 5,000 persons, each a move every 200 s
		l.Apply(*m)
	}
}

func BenchmarkBudget(b *testing.B) {
	for name, rs := range map[string]Readings{"calendar": {}, "rolling": rolling(b)} {
		b.Run(name, func(b *testing.B) {
			l := New(rs)
			people := crew(10)
			work(l, people, 0, 12*time.Minute, nil)
			now := monday.Add(6 * 24 * h)
			for i := 0; b.Loop(); i++ {
				l.Budget(people[i%10], now)
			}
		})
	}
}

// A year of 5,000 persons; the figures in MB are after half a year, a year and 70 weeks.
func BenchmarkYear(b *testing.B) {
	for b.Loop() {
		before := heapMB()
		l := New(Readings{})
		people := crew(5000)
		for wk := range 70 {
			work(l, people, wk, h, nil)
			if wk == 25 || wk == 51 || wk == 69 {
				b.ReportMetric(heapMB()-before, fmt.Sprintf("MB/%dweeks", wk+1))
			}
		}
		b.ReportMetric(float64(len(l.Encode()))/(1<<20), "encodedMB")
		runtime.KeepAlive(l)
	}
}

// What one person takes does not grow once the kept weeks are full: old weeks are
// folded, the window is cut.
func TestMemoryIsBounded(t *testing.T) {
	l := New(Readings{})
	people := crew(20)
	sizes := map[int]float64{}
	encoded := map[int]int{}
	before := heapMB()
	for wk := range 4 * KeptWeeks {
		work(l, people, wk, h, nil)
		if wk == KeptWeeks+2 || wk == 4*KeptWeeks-1 {
			sizes[wk], encoded[wk] = heapMB()-before, len(l.Encode())
		}
	}
	early, late := KeptWeeks+2, 4*KeptWeeks-1
	t.Logf("20 persons: %.2f MB, then %.2f MB; encoded %d, then %d bytes", sizes[early], sizes[late], encoded[early], encoded[late])
	if encoded[late] > encoded[early]+encoded[early]/20 {
		t.Errorf("written down it grew from %d to %d bytes", encoded[early], encoded[late])
	}
	runtime.KeepAlive(l)
}
