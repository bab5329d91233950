package segment

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

func TestLearning(t *testing.T) {
	clock := newHandClock()
	s := newSegment(t, Config{Clock: clock})
	l := listenAll(t, s, 3, PortConfig{})
	flooded := octets(addr(1), addr(0), 60)
	l[0].say(flooded)
	l[1].expect(t, "unknown", flooded)
	l[2].expect(t, "unknown", flooded)
	l[0].expect(t, "its own")
	known := octets(addr(0), addr(1), 60)
	l[1].say(known)
	l[0].expect(t, "known", known)
	l[2].expect(t, "known to others")
	all := octets(ethernet.Broadcast, addr(1), 60)
	l[1].say(all)
	l[0].expect(t, "broadcast", all)
	l[2].expect(t, "broadcast", all)
	l[0].say(octets(addr(0), addr(5), 60))
	l[0].expectDrops(t, "same port", 1)

	clock.advance(299 * time.Second)
	l[1].say(known)
	l[2].expect(t, "not yet aged")
	clock.advance(time.Second)
	l[1].say(known)
	l[2].expect(t, "aged", known)

	l[2].say(octets(addr(1), addr(0), 60)) // the station moved
	l[0].take()
	l[1].say(known)
	l[2].expect(t, "moved", known)
	l[0].expect(t, "moved away")
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name  string
		frame []byte
		why   string
	}{
		{"reserved", octets(ethernet.Addr{1, 0x80, 0xc2, 0, 0, 0x0e}, addr(0), 60), "reserved"},
		{"BPDU", octets(ethernet.Addr{1, 0x80, 0xc2, 0, 0, 0}, addr(0), 60), "reserved"},
		{"from a group", octets(addr(1), ethernet.Broadcast, 60), "source"},
		{"from nobody", octets(addr(1), ethernet.Addr{}, 60), "source"},
		{"short", octets(addr(1), addr(0), 60)[:13], "short"},
		{"long", octets(addr(1), addr(0), 1515), "mtu"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSegment(t, Config{})
			l := listenAll(t, s, 2, PortConfig{})
			if n := l[0].say(tt.frame); n != 0 {
				t.Errorf("Write = %d, want 0", n)
			}
			l[1].expect(t, tt.name)
			l[0].expectDrops(t, tt.why, 1)
			if got := l[0].Stats().RxDropped; got != 1 {
				t.Errorf("RxDropped = %d, want 1", got)
			}
		})
	}
}

// TestForwardReserved: a switch can be told to pass what bridges keep for themselves.
func TestForwardReserved(t *testing.T) {
	s := newSegment(t, Config{ForwardReserved: true})
	l := listenAll(t, s, 2, PortConfig{})
	b := octets(ethernet.Addr{1, 0x80, 0xc2, 0, 0, 0x0e}, addr(0), 60)
	l[0].say(b)
	l[1].expect(t, "LLDP", b)
}

func TestStatic(t *testing.T) {
	clock := newHandClock()
	s := newSegment(t, Config{Clock: clock})
	l := listenAll(t, s, 3, PortConfig{})
	if err := s.SetStatic(addr(7), 0, l[1].Port); err != nil {
		t.Fatal(err)
	}
	l[2].say(octets(addr(9), addr(7), 60)) // another claims the address
	l[0].take()
	l[1].take()
	clock.advance(time.Hour)
	b := octets(addr(7), addr(0), 60)
	l[0].say(b)
	l[1].expect(t, "static", b)
	l[2].expect(t, "static")
	s.Flush()
	want := AddrEntry{Addr: addr(7), Port: "port1", Index: 1, Static: true}
	if got := s.Addrs(); !slices.Equal(got, []AddrEntry{want}) {
		t.Errorf("Addrs = %+v, want %+v", got, want)
	}
	if !s.Forget(addr(7), 0) || s.Forget(addr(7), 0) {
		t.Error("Forget: want true, then false")
	}
	l[0].say(b)
	l[2].expect(t, "forgotten", b)
	for _, bad := range []error{
		s.SetStatic(ethernet.Broadcast, 0, l[1].Port), s.SetStatic(addr(7), 5, l[1].Port),
		newSegment(t, Config{}).SetStatic(addr(7), 0, l[1].Port),
	} {
		if bad == nil {
			t.Error("SetStatic of a group, a VLAN or a stranger's port: want errors")
		}
	}
}

// TestMTU: frames that a port is too small for are lost there alone.
func TestMTU(t *testing.T) {
	s := newSegment(t, Config{})
	big, small := listen(t, s, PortConfig{MTU: 9000, Offload: AllOffloads}), listen(t, s, PortConfig{Offload: AllOffloads})
	other := listen(t, s, PortConfig{MTU: 9000, Offload: AllOffloads})
	b := octets(ethernet.Broadcast, addr(0), 9014)
	if n := big.say(b); n != 1 {
		t.Errorf("Write = %d, want 1", n)
	}
	other.expect(t, "jumbo", b)
	small.expect(t, "jumbo")
	small.expectDrops(t, "mtu", 1)
	f := superFrame(ethernet.Broadcast, addr(0), 20000, 8000)
	big.Write([]link.Frame{f})
	small.expectDrops(t, "mtu", 2)
	if got := other.take(); len(got) != 1 {
		t.Errorf("a super-frame of jumbo segments came as %d frames, want 1", len(got))
	}
}

// TestSuperFrames: whole where the station takes them, segmented once for all others, and the same octets either way.
func TestSuperFrames(t *testing.T) {
	s := newSegment(t, Config{})
	from := listen(t, s, PortConfig{Offload: AllOffloads})
	whole := listenAll(t, s, 2, PortConfig{Offload: AllOffloads})
	plain := listenAll(t, s, 3, PortConfig{})
	f := superFrame(ethernet.Broadcast, addr(0), 10000, 1400)
	want, err := link.Segment(nil, &f, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer link.ReleaseAll(want)
	segments := make([][]byte, len(want))
	for i := range want {
		segments[i] = want[i].AppendTo(nil)
	}
	octets := f.AppendTo(nil)
	from.Write([]link.Frame{f})
	for _, l := range whole {
		l.expect(t, "super-frame", octets)
	}
	for _, l := range plain {
		l.expect(t, "segments", segments...)
	}
	if got := whole[0].Stats().TxGSO; got != 1 {
		t.Errorf("TxGSO = %d, want 1", got)
	}
}

// model is a switch as one would write it in an hour: a list.
type model struct {
	age     time.Duration
	entries []modelEntry
}

type modelEntry struct {
	addr ethernet.Addr
	port int
	seen time.Time
}

// forward says which ports a frame goes to.
func (m *model) forward(from int, dst, src ethernet.Addr, ports int, now time.Time) (to []int) {
	m.entries = slices.DeleteFunc(m.entries, func(e modelEntry) bool { return e.addr == src || now.Sub(e.seen) >= m.age })
	m.entries = append(m.entries, modelEntry{src, from, now})
	for _, e := range m.entries {
		if e.addr == dst && !dst.IsMulticast() {
			if e.port == from {
				return nil
			}
			return []int{e.port}
		}
	}
	for i := range ports {
		if i != from {
			to = append(to, i)
		}
	}
	return to
}

// TestAgainstModel holds a switch against the model under random frames, in batches, with time passing.
func TestAgainstModel(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	clock := newHandClock()
	s := newSegment(t, Config{Clock: clock, Age: 10 * time.Second})
	const ports, stations = 6, 12
	l := listenAll(t, s, ports, PortConfig{})
	m := model{age: 10 * time.Second}
	for step := range 3000 {
		from, batch := r.IntN(ports), make([]link.Frame, 1+r.IntN(6))
		want := make([][][]byte, ports)
		for i := range batch {
			dst, src := addr(r.IntN(stations)), addr(r.IntN(stations))
			if r.IntN(8) == 0 {
				dst = ethernet.Broadcast
			}
			b := octets(dst, src, 60+r.IntN(200))
			batch[i] = link.NewFrame(b)
			for _, to := range m.forward(from, dst, src, ports, clock.Now()) {
				want[to] = append(want[to], b)
			}
		}
		l[from].Write(batch)
		for i := range l {
			l[i].expect(t, "random", want[i]...)
		}
		if t.Failed() {
			t.Fatalf("after step %d of seed %d", step, seed)
		}
		if r.IntN(4) == 0 {
			clock.advance(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
	}
}

// TestHostile: a port that sends from ever new addresses fills its share of the table and no more; the others still
// learn, and are still known.
func TestHostile(t *testing.T) {
	clock := newHandClock()
	s := newSegment(t, Config{Clock: clock, MaxAddrs: 100, MaxPortAddrs: 64})
	bad, worse, good := listen(t, s, PortConfig{}), listen(t, s, PortConfig{}), listen(t, s, PortConfig{})
	friend, late := listen(t, s, PortConfig{}), listen(t, s, PortConfig{})
	good.say(octets(ethernet.Broadcast, addr(1_000_001), 60))
	for i := range 20_000 {
		bad.say(octets(addr(1), addr(10_000+i), 60))
		worse.say(octets(addr(1), addr(50_000+i), 60))
		if i%1000 == 0 {
			for _, l := range []*listener{bad, worse, good, friend, late} {
				l.take()
			}
			clock.advance(time.Second)
			good.say(octets(addr(1_000_001), addr(1_000_001), 60))
		}
	}
	late.say(octets(ethernet.Broadcast, addr(1_000_002), 60)) // the table is full, and it has nothing yet
	for _, l := range []*listener{bad, worse, good, friend, late} {
		l.take()
	}
	for _, to := range []*listener{good, late} {
		a := addr(1_000_001)
		if to == late {
			a = addr(1_000_002)
		}
		b := octets(a, addr(1_000_003), 60)
		friend.say(b)
		to.expect(t, "to a known station", b)
	}
	bad.expect(t, "what is for others")
	if n := len(s.Addrs()); n > 100+5*reservedAddrs {
		t.Errorf("%d addresses, want at most %d", n, 100+5*reservedAddrs)
	}
	if i := bad.Info(); i.Addrs > 64 || i.Unlearned == 0 {
		t.Errorf("the hostile port has %d addresses, %d not learned: want at most 64, and some", i.Addrs, i.Unlearned)
	}
	clock.advance(301 * time.Second)
	bad.say(octets(ethernet.Broadcast, addr(9), 60)) // makes room for itself
	if n := len(s.table.entries); n != 1 {
		t.Errorf("%d entries after all have aged, want 1", n)
	}
}

// TestSlow: a station that does not read costs itself frames, and nobody else.
func TestSlow(t *testing.T) {
	s := newSegment(t, Config{Kind: Hub})
	var d [3]*Device
	for i := range d {
		var err error
		if d[i], err = s.NewDevice(PortConfig{Depth: 16}); err != nil {
			t.Fatal(err)
		}
	}
	f := make([]link.Frame, 1)
	for i := range 100 {
		if n := d[0].WriteFrames([]link.Frame{link.NewFrame(octets(addr(1), addr(0), 60+i))}); n != 1 {
			t.Fatalf("WriteFrames = %d, want 1", n)
		}
		if n, err := d[1].ReadFrames(f); n != 1 || err != nil || f[0].Len() != 60+i {
			t.Fatalf("the quick one: %d frames of %d octets, %v, want one of %d", n, f[0].Len(), err, 60+i)
		}
		f[0].Release()
	}
	i := d[2].Port().Info()
	if i.Queued != 12 || i.Drops["queue full"] != 88 || i.Stats.TxFrames != 12 || d[2].Stats().RxDropped != 88 {
		t.Errorf("the slow one: %+v, want 12 queued, as a quarter is for other stations, and 88 dropped", i)
	}
}

// TestFlooder: who floods leaves a quarter of a slow station's queue to others, with and without PortConfig.Jabber.
func TestFlooder(t *testing.T) {
	tests := []struct {
		name   string
		jabber Jabber
		want   uint64 // of the frames of another
	}{
		{"no bound", Jabber{}, 16},
		{"floods", Jabber{Floods: 40}, 16},
		{"frames", Jabber{Frames: 40}, 16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSegment(t, Config{Clock: newHandClock()})
			bad, good := listen(t, s, PortConfig{Jabber: tt.jabber}), listen(t, s, PortConfig{})
			slow, err := s.NewDevice(PortConfig{Depth: 64})
			if err != nil {
				t.Fatal(err)
			}
			slow.WriteFrames([]link.Frame{link.NewFrame(octets(ethernet.Broadcast, addr(2), 60))})
			for i := range 1000 {
				bad.say(octets(ethernet.Broadcast, addr(10+i), 60))
			}
			before := slow.Stats().RxFrames
			for range 16 {
				good.say(octets(addr(2), addr(1), 60))
			}
			if got := slow.Stats().RxFrames - before; got != tt.want {
				t.Errorf("%d frames of another in the queue, want %d of 16 (%v)", got, tt.want, slow.Port().Drops())
			}
		})
	}
}

func TestJabber(t *testing.T) {
	clock := newHandClock()
	var log strings.Builder
	s := newSegment(t, Config{Clock: clock, Log: textLog(&log)})
	var carrier []bool
	bad := listen(t, s, PortConfig{
		Name: "bad", Jabber: Jabber{Floods: 100, Frames: 1000}, Carrier: func(up bool) { carrier = append(carrier, up) },
	})
	other := listen(t, s, PortConfig{})
	storm := func(n int) {
		for range n {
			bad.say(octets(ethernet.Broadcast, addr(0), 60))
		}
	}
	storm(100)
	clock.advance(time.Second)
	storm(100) // a hundred a second are allowed
	if i := bad.Info(); !i.Up || i.State != "forwarding" {
		t.Fatalf("after what is allowed: %+v", i)
	}
	storm(50)
	if got := len(other.take()); got != 200 {
		t.Errorf("%d frames came, want 200", got)
	}
	if i := bad.Info(); i.Up || i.State != "shut: floods" || i.Drops["floods"] != 1 || i.Drops["down"] != 49 || i.Stats.RxDropped != 50 {
		t.Errorf("a port that babbles: %+v", i)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `msg="port shut: floods" segment=segment port=bad`) {
		t.Errorf("log: %q", got)
	}
	clock.advance(10 * time.Second)
	storm(1)
	if i := bad.Info(); !i.Up || len(other.take()) != 1 {
		t.Errorf("ten seconds later: %+v", i)
	}
	if !slices.Equal(carrier, []bool{false, true}) {
		t.Errorf("the carrier went %v, want down and up", carrier)
	}
	other.say(octets(addr(0), addr(1), 60))
	for range 1001 { // known unicast counts against Frames alone
		bad.say(octets(addr(1), addr(0), 60))
	}
	if i := bad.Info(); i.State != "shut: jabber" {
		t.Errorf("after 1001 frames: %+v", i)
	}
	bad.Reopen()
	if i := bad.Info(); !i.Up {
		t.Errorf("reopened by hand: %+v", i)
	}
}

// TestFloodsOfOneWrite: what one write has beyond the bound is counted, whoever it is from.
func TestFloodsOfOneWrite(t *testing.T) {
	s := newSegment(t, Config{Clock: newHandClock()})
	bad, err := s.Attach(PortConfig{Jabber: Jabber{Floods: 5}, Out: link.ReleaseAll})
	if err != nil {
		t.Fatal(err)
	}
	other := listen(t, s, PortConfig{})
	var f []link.Frame
	for i := range 64 {
		f = append(f, link.NewFrame(octets(ethernet.Broadcast, addr(i), 60)))
	}
	bad.Write(f)
	if i, got := bad.Info(), len(other.take()); got != 5 || i.Stats.RxDropped != 59 || i.Drops["floods"]+i.Drops["down"] != 59 || i.State != "shut: floods" {
		t.Errorf("%d frames came, want 5, and 59 dropped: %+v", got, i)
	}
}

// TestQuietPorts: what a port costs that nothing happens at.
func TestQuietPorts(t *testing.T) {
	const ports, most = 1000, 4 << 10
	s := newSegment(t, Config{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range ports {
		if _, err := s.NewDevice(PortConfig{Offload: AllOffloads}); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int(after.HeapAlloc) - int(before.HeapAlloc)) / ports
	t.Logf("%d octets and %v a port", each, took/ports)
	if each > most {
		t.Errorf("%d octets a port, want at most %d", each, most)
	}
	if n := runtime.NumGoroutine(); n > 50 {
		t.Errorf("%d goroutines", n)
	}
}

func TestNoAllocation(t *testing.T) {
	from, to := bed(t, 4, PortConfig{})
	f := []link.Frame{link.NewFrame(octets(addr(1), addr(0), 60))}
	got := testing.AllocsPerRun(1000, func() {
		from.WriteFrames(f)
		if n, err := to.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a frame, want 0", got)
	}
	f[0].Release()
}

func TestPortInfoJSON(t *testing.T) {
	s := newSegment(t, Config{Name: "lan"})
	l := listen(t, s, PortConfig{Addr: addr(3), Offload: AllOffloads})
	l.say(octets(ethernet.Broadcast, addr(9), 60))
	b, err := json.Marshal(s.Ports())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"port0"`, `"state":"forwarding"`, `"addr":"02:00:5e:00:00:03"`, `"offload":"checksum tso4 tso6 uso"`, `"rx_frames":1`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s\nlacks %s", b, want)
		}
	}
	b, err = json.Marshal(s.Addrs())
	if want := `[{"addr":"02:00:5e:00:00:09","port":"port0","index":0,"static":false,"idle_seconds":`; err != nil || !strings.HasPrefix(string(b), want) {
		t.Errorf("%s, %v, want %s…", b, err, want)
	}
}
