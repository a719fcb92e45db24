package sip

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"cagri/internal/sip/guard"
)

func cpu() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkB2BCall is one complete call through a back-to-back user agent over UDP: INVITE in, INVITE out, 180, 200, ACK, BYE on both
// sides. The figure cpu-us/call counts everything in the process: caller, the user agent under test and called phone. The middle
// one has two dialogs of four, so about half of it is its own.
func BenchmarkB2BCall(b *testing.B) {
	fast := func(c *Config) {
		c.T1, c.T2 = 0, 0
		c.Limits = guard.Limits{Trunk: guard.Rates{Invite: guard.Unlimited(), InCall: guard.Unlimited()}}
	}
	caller, middle, phone := start(b, fast), start(b, fast), start(b, fast)
	phone.whenCalled(func(c *call) {
		_ = c.Ring()
		_ = c.Answer([]byte(answer))
	})
	middle.whenCalled(func(in *call) {
		var out *Dialog
		out, _ = middle.ua.Dial(DialRequest{Targets: []Target{{URI: "sip:102@" + phone.addr["udp"]}}, SDP: []byte(offer)}, func(e Event) {
			switch e := e.(type) {
			case Provisional:
				_ = in.Ring()
			case Answered:
				_ = in.Answer(e.SDP)
			case Failed:
				_ = in.Reject(e.Code, "", 0)
			}
		})
		in.SetSink(func(e Event) {
			if terminal(e) {
				_ = out.End(Reason{Code: 16})
			}
		})
	})
	go func() {
		for range middle.calls {
		}
	}()
	go func() {
		for range phone.calls {
		}
	}()
	b.Cleanup(func() { close(middle.calls); close(phone.calls) })
	slots := make(chan struct{}, 64)
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	before := cpu()
	began := time.Now()
	b.ResetTimer()
	for b.Loop() {
		slots <- struct{}{}
		wg.Add(1)
		done := make(chan *Dialog, 1)
		d, err := caller.ua.Dial(DialRequest{Targets: []Target{{URI: "sip:102@" + middle.addr["udp"]}}, SDP: []byte(offer)}, func(e Event) {
			switch e.(type) {
			case Answered:
				_ = (<-done).End(Reason{Code: 16})
			case Failed:
				mu.Lock()
				lost++
				mu.Unlock()
				<-slots
				wg.Done()
			case Ended:
				<-slots
				wg.Done()
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		done <- d
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/call")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "calls/s")
	b.ReportMetric(float64(lost), "lost")
}
