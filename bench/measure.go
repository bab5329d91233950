//go:build linux

package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"tapestry/bench/internal/lean"
	"tapestry/bench/internal/machine"
	"tapestry/bench/report"

	"golang.org/x/sys/unix"
)

// plan is what a run measures.
type plan struct {
	place     placement
	scenarios []*scenario
	paths     []*path
}

func (o *Options) plan() (p plan, err error) {
	if p.place, err = placementNamed(o.Place); err != nil {
		return p, err
	}
	if p.scenarios, err = chosenScenarios(o); err != nil {
		return p, err
	}
	if p.paths, err = chosenPaths(o); err != nil {
		return p, err
	}
	return p, p.check()
}

// check is an error if there is nothing to measure.
func (p *plan) check() error {
	for _, s := range p.scenarios {
		for _, on := range p.paths {
			if on.measures(s) {
				return nil
			}
		}
	}
	var asked []string
	for _, on := range p.paths {
		asked = append(asked, on.name)
	}
	return fmt.Errorf("nothing is measured on %s: %s", strings.Join(asked, ", "), strings.Join(whereMeasured(p.scenarios), "; "))
}

// whereMeasured says of each scenario on which paths it is measured.
func whereMeasured(all []*scenario) (lines []string) {
	for _, s := range all {
		lines = append(lines, fmt.Sprintf("%s is measured on %s", s.name, strings.Join(s.measuredOn(), ", ")))
	}
	return lines
}

// lab is what a whole run holds open.
type lab struct {
	plan
	o       Options
	near    *end
	ways    []*way
	samples []sample
	skipped []report.Skip
	done    int
}

// way is a path whose ends are open.
type way struct {
	*path
	near, far *end
	between   *os.Process // the program between them, where that is another
}

// sample is one measurement.
type sample struct {
	scenario *scenario
	path     *path
	value    float64
	result   *result
	near     [2]*state // before and after; nil where the path has no interface of the kernel
	far      [2]*state
}

// measure runs everything and reports. It is called in a namespace of its own.
func measure(o Options) (*report.Report, error) {
	runtime.LockOSThread() // children end with this thread, and are placed by it
	l := &lab{o: o}
	r := &report.Report{Started: time.Now(), Commit: o.Commit, Machine: describeMachine(), Rounds: o.Rounds, Duration: o.Duration}
	var err error
	if l.plan, err = o.plan(); err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.open(); err != nil {
		return nil, err
	}
	l.run()
	r.Rows, r.Skipped = l.rows(), l.skipped
	if len(r.Rows) == 0 {
		return nil, noRows(l.skipped)
	}
	return r, nil
}

func noRows(skipped []report.Skip) error {
	err := errors.New("nothing was measured")
	for _, s := range skipped {
		err = fmt.Errorf("%w; %s: %s", err, s.What, s.Why)
	}
	return err
}

func describeMachine() map[string]string {
	m := machine.This()
	return map[string]string{"cpu": m.CPU, "cores": fmt.Sprint(m.Cores), "kernel": m.Kernel, "go": m.Go, "load": m.Load}
}

// open starts the ends. Far ends idle beside the one that is measured.
func (l *lab) open() (err error) {
	// A client that opens a connection for each request and closes it first would run out of ports in TIME-WAIT; a
	// kernel without room for these frees them at once. Without the right to say so there are fewer requests.
	os.WriteFile("/proc/sys/net/ipv4/tcp_max_tw_buckets", []byte("0"), 0)
	cmd := roleCommand("near")
	cmd.Env = append(os.Environ(), lean.Environ(nearThreads)...)
	if l.near, err = start("near end", cmd, l.place.near); err != nil {
		return err
	}
	for _, p := range l.paths {
		w, err := l.openPath(p)
		if err != nil {
			l.skip(p.name, err)
			continue
		}
		l.ways = append(l.ways, w)
	}
	return nil
}

func (l *lab) skip(what string, err error) {
	l.skipped = append(l.skipped, report.Skip{What: what, Why: err.Error()})
}

// openPath starts a path's far end and waits until it serves.
func (l *lab) openPath(p *path) (*way, error) {
	if err := p.lacks(); err != nil {
		return nil, err
	}
	cmd := roleCommand("far", p.name)
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS // for files in memory that end with the process
	if p.ownNetns {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
	}
	if p.lean {
		cmd.Env = append(os.Environ(), lean.Environ(kernelThreads)...)
	}
	e, err := start("far end of "+p.name, cmd, l.place.far)
	if err != nil {
		return nil, err
	}
	w := &way{path: p, near: l.near, far: e}
	if err := w.furnish(l.place); err != nil {
		l.closeWay(w)
		return nil, err
	}
	return w, nil
}

// furnish has both ends of a path get what they need.
func (w *way) furnish(place placement) error {
	if w.ownNetns {
		if err := furnishVeth(w.path, w.far.cmd.Process.Pid); err != nil {
			return err
		}
	}
	if _, err := w.far.tell(order{Do: "open", Path: w.name}); err != nil {
		return err
	}
	if w.inside {
		w.near = w.far
	}
	if w.wrap != nil {
		return w.wrap(w, place)
	}
	if w.finish == nil {
		return nil
	}
	return w.finish(w.path)
}

func (l *lab) close() {
	for _, w := range l.ways {
		l.closeWay(w)
	}
	if l.near != nil {
		l.near.stop()
	}
}

func (l *lab) closeWay(w *way) {
	if w.near != nil && w.near != l.near && w.near != w.far {
		w.near.stop()
	}
	w.stopBetween()
	w.far.stop()
}

// run measures interleaved.
func (l *lab) run() {
	failed := map[string]bool{}
	for round := range l.o.Rounds {
		for _, s := range l.scenarios {
			for _, w := range l.ways {
				if !w.measures(s) {
					continue
				}
				l.done++
				if what := w.name + "/" + s.name; !failed[what] {
					if err := l.once(s, w, round); err != nil {
						failed[what] = true
						l.skip(what, err)
					}
				}
			}
		}
	}
}

// total is how many measurements there are.
func (l *lab) total() (n int) {
	for _, s := range l.scenarios {
		for _, w := range l.ways {
			if w.measures(s) {
				n += l.o.Rounds
			}
		}
	}
	return n
}

// once is one measurement, after the same for a tenth of the time.
func (l *lab) once(s *scenario, w *way, round int) error {
	if _, err := w.near.run(w.path, s, l.o.Duration/10); err != nil {
		return err
	}
	m := sample{scenario: s, path: w.path}
	if err := m.look(w, 0); err != nil {
		return err
	}
	r, err := w.near.run(w.path, s, l.o.Duration)
	if err != nil {
		return err
	}
	if err := m.look(w, 1); err != nil {
		return err
	}
	m.take(r)
	l.samples = append(l.samples, m)
	l.o.Progress(Progress{
		Done: l.done, Total: l.total(), Round: round + 1, Scenario: s.name, Path: w.name, Value: m.value, Unit: s.unit.name,
	})
	return nil
}

// look has both ends say what they count.
func (m *sample) look(w *way, i int) (err error) {
	if m.far[i], err = w.far.look(w.path); err != nil || w.inside {
		return err
	}
	m.far[i].CPU += w.betweenTime()
	m.near[i], err = w.near.look(w.path)
	return err
}

// take takes the result of the client's run.
func (m *sample) take(r *result) {
	if m.scenario.isFar {
		r.Lost = r.Count
		r.Count = m.far[1].Received - m.far[0].Received
		r.Lost -= min(r.Lost, r.Count)
	}
	m.result, m.value = r, m.scenario.unit.value(*r)
}
