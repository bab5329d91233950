package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// sample is one transfer.
type sample struct {
	Scenario string        `json:"scenario"`
	Pair     string        `json:"pair"`
	Round    int           `json:"round"`
	Goodput  float64       `json:"goodput_mbit"`
	Typical  time.Duration `json:"p50_ns,omitempty"`      // of requests
	Slow     time.Duration `json:"p99_ns,omitempty"`      // of requests
	Silence  time.Duration `json:"silence_ns,omitempty"`  // after a cut
	Recovery time.Duration `json:"recovery_ns,omitempty"` // after a cut
	Rates    []float64     `json:"rates_mbit,omitempty"`  // of each quarter of a second
	counts                 // of the sender
}

// measure runs everything, one scenario after the other.
func measure(o options) (all []sample, err error) {
	todo, err := chosen(o.scenarios)
	if err != nil {
		return nil, err
	}
	if o.rounds < 1 || o.rounds > 100 {
		return nil, fmt.Errorf("-rounds %d: want 1 to 100", o.rounds)
	}
	for _, s := range todo {
		samples, err := s.run(o.rounds)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s: done\n", s.name)
		all = append(all, samples...)
	}
	return all, nil
}

// run has the pairs of a round run side by side, and all rounds too if the scenario is light.
func (s scenario) run(rounds int) (all []sample, err error) {
	if !s.heavy {
		return s.sideBySide(0, rounds)
	}
	for r := range rounds {
		samples, err := s.sideBySide(r, r+1)
		if err != nil {
			return nil, err
		}
		all = append(all, samples...)
	}
	return all, nil
}

// sideBySide runs all pairs of some rounds at the same time.
func (s scenario) sideBySide(from, to int) (samples []sample, err error) {
	var mu sync.Mutex
	var running sync.WaitGroup
	for round := from; round < to; round++ {
		for _, p := range pairs() {
			running.Go(func() {
				one, e := s.once(p, round)
				mu.Lock()
				defer mu.Unlock()
				if e != nil {
					err = errors.Join(err, fmt.Errorf("%s, %s, round %d: %w", s.name, p.name(), round+1, e))
				}
				samples = append(samples, one)
			})
		}
	}
	running.Wait()
	return samples, err
}

// once is one transfer over a wire of its own.
func (s scenario) once(p pair, round int) (sample, error) {
	w, err := openWire(s, p, round)
	if err != nil {
		return sample{}, err
	}
	defer w.close()
	r := sample{Scenario: s.name, Pair: p.name(), Round: round + 1}
	if s.asks {
		err = r.ask(w, s)
	} else {
		err = r.move(w, s)
	}
	if err != nil {
		return sample{}, err
	}
	r.counts, err = w.from.counts()
	return r, err
}

// move moves bulk.
func (r *sample) move(w *wire, s scenario) error {
	t, err := w.transfer(s)
	if err != nil {
		return err
	}
	r.Goodput, r.Rates = t.goodput(), t.rates()
	if s.cut > 0 {
		cut := w.start.Add(s.cutStart(r.Round - 1)).Sub(t.start)
		r.Silence, r.Recovery = t.silence(cut+s.cut), t.recovery(cut, cut+s.cut)
	}
	return nil
}

// ask sends requests.
func (r *sample) ask(w *wire, s scenario) error {
	took, err := w.requests(s)
	if err != nil {
		return err
	}
	r.Typical, r.Slow = percentile(took, 50), percentile(took, 99)
	r.Goodput = float64(len(took)*answerSize) * 8 / s.length.Seconds() / 1e6
	return nil
}
