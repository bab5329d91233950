package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"tapestry/link"
)

// sample is one run.
type sample struct {
	Path    string  `json:"path"`
	Work    string  `json:"work"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	NearCPU float64 `json:"near_cpu"`       // cores busy
	FarCPU  float64 `json:"far_cpu"`        // cores busy
	Frame   float64 `json:"frame"`          // octets of a frame in the direction of the data, a super-frame counted once
	GSO     uint64  `json:"gso"`            // super-frames that the device counted in that direction
	Lost    uint64  `json:"lost,omitempty"` // datagrams sent again
	result  result
}

// lab is what a whole run holds open.
type lab struct {
	o     options
	place placement
	works []work
	ends  []*farEnd
}

// measure runs everything and reports. It is called in a namespace of its own.
func measure(o options) error {
	runtime.LockOSThread() // for Pdeathsig and the placement of children
	l := &lab{o: o}
	if err := l.parse(); err != nil {
		return err
	}
	defer l.close()
	if err := l.open(); err != nil {
		return err
	}
	samples, err := l.run()
	if err != nil {
		return err
	}
	return write(o, samples)
}

func (l *lab) parse() (err error) {
	if l.o.rounds < 1 || l.o.duration <= 0 {
		return fmt.Errorf("-rounds %d, -for %v: want both above zero", l.o.rounds, l.o.duration)
	}
	if l.place, err = placementNamed(l.o.place); err != nil {
		return err
	}
	for _, name := range strings.Split(l.o.works, ",") {
		w, err := workNamed(name)
		if err != nil {
			return err
		}
		l.works = append(l.works, w)
	}
	return nil
}

// open starts the far end of every path. They idle beside the one that is measured.
func (l *lab) open() error {
	for _, name := range strings.Split(l.o.paths, ",") {
		p, err := pathNamed(name)
		if err != nil {
			return err
		}
		f, err := startFar(p, l.place.far)
		if err != nil {
			return err
		}
		l.ends = append(l.ends, f)
	}
	return nil
}

func (l *lab) close() {
	for _, f := range l.ends {
		f.stop()
	}
}

// run measures interleaved, so that what disturbs the machine for a while disturbs every path alike.
func (l *lab) run() (samples []sample, err error) {
	for round := range l.o.rounds {
		for _, w := range l.works {
			for _, f := range l.ends {
				if w.inline && !f.path.hasInline {
					continue
				}
				s, err := l.once(w, f)
				if err != nil {
					return nil, err
				}
				fmt.Fprintf(os.Stderr, "%d/%d %-14s %-10s %9.2f %s\n", round+1, l.o.rounds, w.name, f.path.name, s.Value, s.Unit)
				samples = append(samples, s)
			}
		}
	}
	return samples, nil
}

// once is one run, with proof that it took the path it claims.
func (l *lab) once(w work, f *farEnd) (sample, error) {
	before, err := f.observe()
	if err != nil {
		return sample{}, err
	}
	r, err := runNear(w, f.path, l.o.duration, l.place.near)
	if err != nil {
		return sample{}, err
	}
	after, err := f.observe()
	if err != nil {
		return sample{}, err
	}
	s := sample{Path: f.path.name, Work: w.name, Lost: r.Lost, result: r.result}
	seconds := r.Elapsed.Seconds()
	s.NearCPU = r.CPU.Seconds() / seconds
	s.FarCPU = (after.CPU - before.CPU).Seconds() / seconds
	s.Value, s.Unit = float64(r.Count)/seconds/1e3, "k/s"
	if w.bulk {
		s.Value, s.Unit = float64(r.Count)*8/seconds/1e9, "Gbit/s"
	}
	s.prove(w, before, after)
	if w.bulk && f.path.hasOffload && s.GSO == 0 {
		return s, fmt.Errorf("%s on %s moved %d octets without one super-frame: not the path that it claims to be", w.name, f.path.name, r.Count)
	}
	return s, nil
}

// observation is what both ends count at one moment.
type observation struct {
	report
	to, from traffic
}

func (f *farEnd) observe() (o observation, err error) {
	if o.report, err = f.ask(); err != nil {
		return o, err
	}
	o.to, o.from, err = readTraffic(f.path)
	return o, err
}

// prove fills in what shows the path.
func (s *sample) prove(w work, before, after observation) {
	s.Frame = after.to.since(before.to)
	if w.isFrom {
		s.Frame = after.from.since(before.from)
	}
	if after.Device == nil {
		return
	}
	gso := func(d *link.Stats) uint64 {
		if w.isFrom {
			return d.TxGSO
		}
		return d.RxGSO
	}
	s.GSO = gso(after.Device) - gso(before.Device)
}

// median gives the sample in the middle by value; nil if there is none of that path and work.
func median(samples []sample, path, work string) *sample {
	var of []sample
	for _, s := range samples {
		if s.Path == path && s.Work == work {
			of = append(of, s)
		}
	}
	if len(of) == 0 {
		return nil
	}
	slices.SortFunc(of, func(a, b sample) int { return cmp.Compare(a.Value, b.Value) })
	return &of[len(of)/2]
}
