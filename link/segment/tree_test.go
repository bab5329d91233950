package segment

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/segment/stp"
)

// triangle is a loop of three switches with a station on each.
type triangle struct {
	clock    *handClock
	switches [3]*Segment
	cables   [3][2]*Port // i: from switch i to the next
	stations [3]*listener
}

func newTriangle(t *testing.T, c PortTree) *triangle {
	r := &triangle{clock: newHandClock()}
	for i := range r.switches {
		r.switches[i] = newSegment(t, Config{Name: fmt.Sprintf("sw%d", i), Clock: r.clock, Tree: &TreeConfig{Priority: uint16(i+1) * 4096}})
	}
	for i := range r.stations {
		r.stations[i] = listen(t, r.switches[i], PortConfig{Tree: PortTree{Edge: true}})
	}
	for i := range r.cables {
		a, b, err := Connect(r.switches[i], r.switches[(i+1)%3], PortConfig{Tree: c}, PortConfig{Tree: c})
		if err != nil {
			t.Fatal(err)
		}
		r.cables[i] = [2]*Port{a, b}
	}
	return r
}

// states are those of the cables' ends.
func (r *triangle) states() string {
	var s []string
	for _, c := range r.cables {
		s = append(s, c[0].Info().State+"-"+c[1].Info().State)
	}
	return strings.Join(s, " ")
}

// expectWhole holds that each station hears each other's broadcast once, and frames to one another.
func (r *triangle) expectWhole(t *testing.T, when string) {
	t.Helper()
	for i, from := range r.stations {
		b := octets(ethernet.Broadcast, addr(i), 60)
		from.say(b)
		for j, to := range r.stations {
			if i == j {
				to.expect(t, when+": own broadcast")
			} else {
				to.expect(t, when+": broadcast", b)
			}
		}
	}
	for n := range 60 {
		i, j := n%3, (n+1+n/3%2)%3
		b := octets(addr(j), addr(i), 60+n)
		r.stations[i].say(b)
		r.stations[j].expect(t, when+": unicast", b)
		r.stations[3-i-j].expect(t, when+": unicast to others")
		r.clock.advance(time.Second)
	}
}

// TestLoop: three switches in a loop agree on a tree, and on another when a cable is cut, and on the first again.
func TestLoop(t *testing.T) {
	r := newTriangle(t, PortTree{})
	if got, want := r.states(), "listening-listening"; !strings.HasPrefix(got, want) {
		t.Errorf("at the start: %s, want %s…", got, want)
	}
	r.stations[0].say(octets(ethernet.Broadcast, addr(0), 60))
	r.stations[1].expect(t, "before the tree is there")
	r.clock.advance(15 * time.Second)
	r.clock.advance(15 * time.Second)
	const whole = "forwarding-forwarding forwarding-blocking forwarding-forwarding"
	if got := r.states(); got != whole {
		t.Fatalf("after two forward delays: %s, want %s", got, whole)
	}
	r.expectWhole(t, "converged")
	for i, s := range r.switches {
		if tree, _ := s.Tree(); tree.Root != stp.NewBridgeID(4096, madeAddr("sw0", 0xffff)) || (tree.RootPort == 0) != (i == 0) {
			t.Errorf("tree of %s: %+v, want sw0 as the root", s.Name(), tree)
		}
	}

	r.cables[0][0].Shut()             // between the root and sw1
	r.clock.advance(50 * time.Second) // max age until the blocked port gives up what it heard, and two forward delays
	if got, want := r.states(), "shut-no carrier forwarding-forwarding forwarding-forwarding"; got != want {
		t.Fatalf("after the cut: %s, want %s", got, want)
	}
	r.expectWhole(t, "cut")
	r.cables[0][0].Reopen()
	r.clock.advance(31 * time.Second)
	if got := r.states(); got != whole {
		t.Fatalf("after the repair: %s, want %s", got, whole)
	}
	r.expectWhole(t, "healed")
}

// TestSilentCut: a cable that swallows everything, with its carrier up, is found out by max age.
func TestSilentCut(t *testing.T) {
	clock := newHandClock()
	var sw [2]*Segment
	for i := range sw {
		sw[i] = newSegment(t, Config{Name: fmt.Sprintf("sw%d", i), Clock: clock, Tree: &TreeConfig{}})
	}
	cut := [2]bool{}
	var ends [2][2]*Port
	for c := range ends { // two cables side by side
		for i := range ends[c] {
			p, err := sw[i].Attach(PortConfig{Out: func(f []link.Frame) {
				if to := ends[c][1-i]; to != nil && !cut[c] {
					to.Write(f)
				} else {
					link.ReleaseAll(f)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			ends[c][i] = p
		}
	}
	clock.advance(32 * time.Second)
	states := func(c int) string { return ends[c][0].Info().State + "-" + ends[c][1].Info().State }
	if a, b := states(0), states(1); a != "forwarding-forwarding" || !strings.Contains(b, "blocking") {
		t.Fatalf("two cables: %s and %s, want the first to forward", a, b)
	}
	cut[0] = true
	clock.advance(20*time.Second + 31*time.Second)
	if b := states(1); b != "forwarding-forwarding" {
		t.Errorf("after the cut: the second is %s", b)
	}
}

// TestStorm: cables that were taken for stations' let frames go round, until the first BPDU is heard there.
func TestStorm(t *testing.T) {
	clock := newHandClock()
	deaf := true // cables that lose BPDUs
	var sw [3]*Segment
	for i := range sw {
		sw[i] = newSegment(t, Config{Name: fmt.Sprintf("sw%d", i), Clock: clock, Tree: &TreeConfig{}})
	}
	station := listen(t, sw[0], PortConfig{Tree: PortTree{Edge: true}})
	var ends [3][2]*Port
	crossed := 0
	for c := range ends {
		for i := range ends[c] {
			p, err := sw[(c+i)%3].Attach(PortConfig{Tree: PortTree{Edge: true}, Out: func(f []link.Frame) {
				crossed += len(f)
				if to := ends[c][1-i]; to != nil && !(deaf && f[0].Head()[0] == 1) {
					to.Write(f)
				} else {
					link.ReleaseAll(f)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			ends[c][i] = p
		}
	}
	clock.advance(2*time.Second - 2*time.Millisecond)    // until shortly before the next hello
	station.say(octets(ethernet.Broadcast, addr(0), 60)) // goes round and round
	clock.advance(time.Millisecond)
	if crossed < 10_000 {
		t.Fatalf("%d frames crossed in a millisecond: there is no storm", crossed)
	}
	deaf = false
	clock.advance(3 * time.Millisecond)
	crossed = 0
	clock.advance(500 * time.Millisecond)
	if crossed > 20 {
		t.Errorf("%d frames crossed in half a second after the BPDUs came through", crossed)
	}
	station.take()
	clock.advance(32 * time.Second)
	station.take()
	crossed = 0
	station.say(octets(ethernet.Broadcast, addr(0), 60))
	if got := len(station.take()); got != 0 || crossed != 3 {
		t.Errorf("a broadcast crossed %d cables and came back %d times, want 3, one to a blocked port, and 0", crossed, got)
	}
	blocked := 0
	for c := range ends {
		for _, p := range ends[c] {
			if p.Info().State == "blocking" {
				blocked++
			}
		}
	}
	if blocked != 1 {
		t.Errorf("%d ports are blocked, want 1", blocked)
	}
}

// TestStationsBehindTree: an edge port forwards at once, a guarded one is shut by a BPDU, one without a part hears none.
func TestTreePorts(t *testing.T) {
	s := newSegment(t, Config{Clock: newHandClock(), Tree: &TreeConfig{}})
	d, err := s.NewDevice(PortConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if i := d.Port().Info(); i.State != "forwarding" || i.Tree == nil || !i.Tree.Edge {
		t.Errorf("a device's port: %+v, want it to forward", i)
	}
	guarded, off := listen(t, s, PortConfig{Tree: PortTree{Edge: true, Guard: true}}), listen(t, s, PortConfig{Tree: PortTree{Off: true}})
	bpdu := octets(stp.GroupAddr, addr(3), 14)
	bpdu[12], bpdu[13] = 0, 7
	bpdu = ethernet.Pad(append(bpdu, 0x42, 0x42, 3, 0, 0, 0, 0x80))
	if i := guarded.Info(); i.State != "forwarding" {
		t.Errorf("a guarded port: %+v", i)
	}
	guarded.say(bpdu)
	if i := guarded.Info(); i.State != "shut: bpdu" || i.Up {
		t.Errorf("a guarded port that heard a BPDU: %+v", i)
	}
	off.say(bpdu)
	if i := off.Info(); i.State != "forwarding" || i.Tree != nil || i.Drops["reserved"] != 1 {
		t.Errorf("a port without a part: %+v", i)
	}
	if off.bpdus > 0 {
		t.Errorf("a port without a part heard %d BPDUs", off.bpdus)
	}
	d.Port().Write([]link.Frame{link.NewFrame(bpdu)})
	if i := d.Port().Info(); i.State != "listening" || i.Tree.Edge {
		t.Errorf("an edge port that heard a BPDU: %+v, want an ordinary one", i)
	}
	for range 200 {
		d.Port().Write([]link.Frame{link.NewFrame(bpdu)})
	}
	if i := d.Port().Info(); i.Drops["bpdu rate"] != 201-maxBPDUs {
		t.Errorf("drops %v after 201 BPDUs in no time, want %d for their rate", i.Drops, 201-maxBPDUs)
	}
}

// TestTopologyChange: while the tree changes, addresses age within a forward delay.
func TestTopologyChange(t *testing.T) {
	r := newTriangle(t, PortTree{})
	r.clock.advance(70 * time.Second) // the changes of the beginning are over
	if tree, _ := r.switches[0].Tree(); tree.TopologyChange {
		t.Fatal("the topology still changes")
	}
	r.cables[1][0].Shut()
	if tree, _ := r.switches[0].Tree(); !tree.TopologyChange {
		t.Error("the root does not know of a change")
	}
	if got := time.Duration(r.switches[2].table.age.Load()); got != 15*time.Second && got != 300*time.Second {
		t.Errorf("addresses age in %v", got)
	}
	r.clock.advance(2 * time.Second)
	if got := time.Duration(r.switches[2].table.age.Load()); got != 15*time.Second {
		t.Errorf("addresses age in %v after a hello, want 15s", got)
	}
	r.clock.advance(40 * time.Second)
	if got := time.Duration(r.switches[2].table.age.Load()); got != 300*time.Second {
		t.Errorf("addresses age in %v afterwards, want 5m", got)
	}
}
