//go:build linux

package bench

import (
	"fmt"
	"runtime"

	"tapestry/bench/internal/machine"
)

// playFar serves a path.
func playFar(name string) error {
	p, err := pathNamed(name)
	if err != nil {
		return err
	}
	f := &far{path: p}
	return obey(func(o order) (answer, error) {
		switch o.Do {
		case "open":
			return answer{}, p.open(f)
		case "look":
			return answer{State: f.state()}, nil
		case "run":
			r, err := runClient(f.near, p, o)
			return answer{Result: r}, err
		}
		return answer{}, fmt.Errorf("far end: no order %q", o.Do)
	})
}

// watch adds something that fills in the far end's state.
func (f *far) watch(look func(*state)) { f.looks = append(f.looks, look) }

func (f *far) state() *state {
	s := &state{CPU: machine.ProcessTime(), Procs: runtime.GOMAXPROCS(0), Received: f.received.Load()}
	if !f.path.lean { // reading them stops the world, and nothing stops a thread that blocks
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.Mallocs = m.Mallocs
	}
	for _, look := range f.looks {
		look(s)
	}
	return s
}
