package script

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tapestry/stack"
	"tapestry/stack/stacktest"
)

// Config says how scripts are run. The zero value is what [Run] and [RunDir] use.
type Config struct {
	Update bool                // rewrite what is expected where the host does otherwise; a person reads the difference
	Host   func(*stack.Config) // changes the host's configuration after the script's own
}

// Run runs the script in a file in virtual time; a step that does not come true fails the test.
func Run(t *testing.T, file string) {
	t.Helper()
	Config{}.Run(t, file)
}

// RunDir runs each script (*.txt) in a folder as a subtest.
func RunDir(t *testing.T, dir string) {
	t.Helper()
	Config{}.RunDir(t, dir)
}

// RunDir is the function of that name with c.
func (c Config) RunDir(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	switch {
	case err != nil:
		t.Fatalf("%s: %v", dir, err)
	case len(files) == 0:
		t.Fatalf("%s: no scripts here: their names end in .txt", dir)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { c.Run(t, f) })
	}
}

// Run is the function of that name with c.
func (c Config) Run(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(file, string(text))
	if err != nil {
		t.Fatal(err)
	}
	e := edits{}
	rig := stacktest.Config{MTU: s.Host.MTU, Limit: -1, Trace: -1} // a failure shows the last packets itself
	stacktest.Run(t, rig, func(t *testing.T, n *stacktest.Net) { c.play(t, n, s, &e) })
	if len(e.lines) == 0 {
		return
	}
	if err := os.WriteFile(file, []byte(e.apply(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d lines rewritten: read the difference", file, len(e.lines))
}

// settle is how long the host is left alone before the script starts: announcements of addresses and probes for
// duplicates are over then.
const settle = 10 * time.Second

// player is one run of a script.
type player struct {
	t      testing.TB
	s      *Script
	config Config
	edits  *edits

	net      *stacktest.Net
	peer     *stacktest.Station
	host     *stacktest.Host
	start    time.Time
	last     time.Time // of the step before
	port     int       // where the host listens
	flows    map[string]*flow
	order    []*flow
	history  history
	counts   map[string]uint64 // at the start
	listener net.Listener
}

func (c Config) play(t testing.TB, n *stacktest.Net, s *Script, e *edits) {
	p := &player{t: t, net: n, s: s, config: c, edits: e, port: servicePort, flows: map[string]*flow{}}
	p.bringUp()
	for _, st := range s.Steps {
		p.step(st)
	}
	p.finish()
}

// step carries one line out.
func (p *player) step(st Step) {
	if k, ok := st.Event.(Packet); ok && k.Dir == Await {
		p.await(st, k)
		return
	}
	p.advance(st)
	f := p.flow(st.Flow)
	switch e := st.Event.(type) {
	case Packet:
		p.checkResults(st)
		p.inject(st, f, e)
	case Op:
		p.checkResults(st)
		p.operate(st, f, e)
	case Expect:
		p.expect(st, f, e)
	}
	p.net.Settle()
}

// target is when a step is due, by the earliest and the latest time.
func (p *player) target(w When) (from, to time.Time) {
	base := p.last
	if w.Absolute {
		base = p.start
	}
	return base.Add(w.From), base.Add(w.To)
}

// advance lets time pass up to a step; no packet may come on the way that no line has expected.
func (p *player) advance(st Step) {
	due, _ := p.target(st.At)
	before := p.last
	for {
		c, ok := p.next(due)
		if !ok {
			break
		}
		p.unexpected(st, c)
	}
	if p.last != before && !st.At.Absolute { // lines were inserted in front: the time counts from the last of them
		d := shown(due.Sub(p.last))
		p.edits.retime(st, When{From: d, To: d})
	}
	p.last = due
	if now := time.Now(); now.After(due) {
		p.last = now
	}
}

// next gives the host's next packet, if one comes in time. What it says about addresses and groups is no part of a script.
func (p *player) next(until time.Time) (stacktest.Packet, bool) {
	for {
		k, ok := p.peer.Next(max(0, time.Until(until)))
		if !ok || isScripted(&k) {
			if ok {
				p.history.add(p, k.At, Await, k.Frame)
			}
			return k, ok
		}
	}
}

// flow gives the connection of that name.
func (p *player) flow(name string) *flow {
	f := p.flows[name]
	if f == nil {
		f = &flow{name: name, local: p.port, peer: 1000 + len(p.order), peerISN: p.s.Host.ISN}
		p.flows[name] = f
		p.order = append(p.order, f)
	}
	return f
}

// flowOf finds the connection of a packet that the host sent. A SYN may be the first of one that it opens.
func (p *player) flowOf(local, peer uint16) *flow {
	for _, f := range p.order {
		if f.local == int(local) && f.peer == int(peer) {
			return f
		}
	}
	for _, f := range p.order {
		if f.isActive && f.local == 0 && f.peer == int(peer) {
			f.local = int(local)
			return f
		}
	}
	return nil
}

// finish holds that nothing is left over.
func (p *player) finish() {
	end := Step{Line: p.s.Steps[len(p.s.Steps)-1].Line, Event: Op{Name: "end of the script"}}
	p.advance(end)
	p.checkResults(end)
	for _, f := range p.order {
		if k := f.pending; k != nil && !k.isDone() && !k.claimed {
			p.fail(end, "%s still waits; write what becomes of it: expect blocked", k.name)
		}
	}
}

// fail ends the run with the place in the script, what was wrong, and the last packets.
func (p *player) fail(st Step, format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s:%d: %s\n  at %s: %s\n%s", p.s.Name, st.Line, st.Event, p.since(time.Now()), fmt.Sprintf(format, args...), p.history.String())
}

func (p *player) since(at time.Time) string { return seconds(shown(at.Sub(p.start))) + " s" }

// shown leaves out the nanoseconds by which the engine's clock goes on where time stands still.
func shown(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
