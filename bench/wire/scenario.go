package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapestry/link/impair"
)

// To add a scenario: a row in scenarios. What one pair moves in it should stay under 50 Mbit/s, because pairs run side
// by side, and under 20 Mbit/s if all rounds do.

// scenario is a wire and a transfer over it.
type scenario struct {
	name   string
	wire   string // of each direction, as impair.Parse reads it
	length time.Duration
	cut    time.Duration // how long nothing crosses, from cutAt on; 0: never
	asks   bool          // small requests and answers instead of bulk
	heavy  bool          // a round at a time, because of what it costs the machine
}

// cutAt is when the first round's cut begins; cutStep is what each round after it waits longer, so that the cut meets
// timers in another state.
const (
	cutAt   = 3 * time.Second
	cutStep = 170 * time.Millisecond
)

// scenarios in the order in which they are measured and printed. The rate keeps what knows no other limit, such as BBR
// under loss, from taking the processor from the others.
var scenarios = []scenario{
	{name: "clean", wire: "rate=40mbit,delay=20ms", length: 5 * time.Second, heavy: true},
	{name: "loss", wire: "loss=1%,delay=20ms,rate=20mbit", length: 12 * time.Second},
	{name: "loss_rtt20", wire: "loss=1%,delay=10ms,rate=20mbit", length: 10 * time.Second},
	{name: "loss_near", wire: "loss=0.2%,delay=1ms,rate=20mbit", length: 8 * time.Second},
	{name: "loss5", wire: "loss=5%,delay=20ms,rate=20mbit", length: 12 * time.Second},
	{name: "burst", wire: "loss=1%,burst=4,delay=20ms,rate=20mbit", length: 12 * time.Second},
	{name: "requests", wire: "loss=2%,delay=10ms,rate=20mbit", length: 12 * time.Second, asks: true},
	{name: "reorder", wire: "rate=20mbit,delay=20ms,reorder=1%", length: 5 * time.Second, heavy: true},
	{name: "jitter", wire: "rate=20mbit,delay=20ms,jitter=5ms", length: 5 * time.Second, heavy: true},
	{name: "short_queue", wire: "rate=10mbit,delay=20ms,queue=25", length: 8 * time.Second},
	{name: "cut", wire: "rate=10mbit,delay=20ms,queue=100", length: 9 * time.Second, cut: 2 * time.Second},
	{name: "cut_short", wire: "rate=10mbit,delay=20ms,queue=100", length: 7 * time.Second, cut: 300 * time.Millisecond},
}

// config is the wire in a round.
func (s scenario) config(round int) (impair.Config, error) {
	c, err := impair.Parse(s.wire)
	if err != nil {
		return c, fmt.Errorf("scenario %s: %w", s.name, err)
	}
	if s.cut > 0 {
		c.Cuts = []impair.Cut{{At: s.cutStart(round), For: s.cut}}
	}
	return c, nil
}

func (s scenario) cutStart(round int) time.Duration { return cutAt + time.Duration(round)*cutStep }

// title says what is done to the wire.
func (s scenario) title() string {
	if s.cut == 0 {
		return s.wire
	}
	return fmt.Sprintf("%s,cut=%v@%v", s.wire, s.cut, cutAt)
}

func scenarioNames() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// chosen are the scenarios that a list of names asks for, in the table's order.
func chosen(list string) (out []scenario, err error) {
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(scenarioNames(), n) {
			return nil, fmt.Errorf("no scenario %q; there are %v", n, scenarioNames())
		}
	}
	for _, s := range scenarios {
		if slices.Contains(names, s.name) {
			out = append(out, s)
		}
	}
	return out, nil
}

// pair is who sends to whom.
type pair struct{ from, to kind }

func (p pair) name() string { return p.from.name + ">" + p.to.name }

// pairs begins with what the others are compared with.
func pairs() []pair {
	all := []pair{{kernel, kernel}, {oursSACK, oursSACK}, {oursRACK, oursRACK}, {oursSACK, kernel}, {oursRACK, kernel}, {kernel, ours}}
	if machineCongestion() != reference {
		all = append(all, pair{kernelSelf, kernel})
	}
	return all
}
