package app

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registerMetrics exposes counters that the rooms keep anyway; nothing is counted
// twice. Names follow the field; no label holds a number or a person.
func registerMetrics(reg *prometheus.Registry, a *App) error {
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "cagri_" + name, Help: help}, f)
	}
	counter := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "cagri_" + name, Help: help}, f)
	}
	ex, plane, jr := a.exchange, a.plane, a.journal
	var errs []error
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("calls", "Calls now.", func() float64 { n, _, _ := ex.Counts(); return float64(n) }),
		counter("calls_arrived_total", "Calls that arrived.", func() float64 { _, n, _ := ex.Counts(); return float64(n) }),
		counter("calls_refused_total", "Calls refused by the admission limit.", func() float64 { _, _, n := ex.Counts(); return float64(n) }),
		gauge("media_legs", "RTP legs open.", func() float64 { return float64(plane.Stats().Legs) }),
		counter("media_frames_skipped_total", "Frames of prompts and music not sent because the machine was late.", func() float64 { return float64(plane.Stats().Pace.Skipped) }),
		gauge("recordings_open", "Recordings in progress.", func() float64 { return float64(plane.Stats().Record.Open) }),
		counter("recordings_failed_total", "Recordings that lost sound or could not be finished.", func() float64 { return float64(plane.Stats().Record.Failed) }),
		counter("recording_blocks_dropped_total", "Half seconds of sound that the disk did not take.", func() float64 { return float64(plane.Stats().Record.BlocksDropped) }),
		counter("journal_appended_total", "Events written.", func() float64 { return float64(jr.Stats().Appended) }),
		gauge("journal_waiting", "Events not confirmed by the journal yet.", func() float64 { s := jr.Stats(); return float64(s.Appended - s.Stored) }),
		gauge("database_up", "1 while the database can be used; calls do not wait for it.", func() float64 {
			if a.database.Err() != nil {
				return 0
			}
			return 1
		}),
		counter("journal_lost_total", "Events that could not be kept anywhere.", func() float64 { return float64(jr.Stats().Lost) }),
	} {
		errs = append(errs, reg.Register(c))
	}
	return errors.Join(errs...)
}
