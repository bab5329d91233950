package segment

import (
	"fmt"
	"sync"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/segment/stp"
)

// TreeConfig is a switch's part in a spanning tree (IEEE 802.1D-1998 §8). The zero value of each field means its
// default.
type TreeConfig struct {
	Priority     uint16        // the lowest is the root; default 32768, in steps of 4096; 0 itself cannot be had
	Addr         ethernet.Addr // decides between equal priorities; default made from the segment's name
	MaxAge       time.Duration // default 20 s; 6 s to 40 s
	Hello        time.Duration // default 2 s; 1 s to 10 s
	ForwardDelay time.Duration // default 15 s; 4 s to 30 s
}

// PortTree is a port's part in the spanning tree. The zero value of each field means its default.
type PortTree struct {
	Off      bool   // the port takes no part: forwards always, and BPDUs end there
	Edge     bool   // a station is behind it: it forwards from the start, until a BPDU comes; NewDevice sets it
	Guard    bool   // a BPDU that comes shuts the port
	Priority uint8  // default 128, in steps of 16
	Cost     uint32 // default 4: 1 Gbit/s (IEEE 802.1D-1998 Table 8-5)
}

// maxBPDUs is how many BPDUs a port may receive in a second: many times what bridges send, and few enough that a
// station cannot keep the tree busy.
const maxBPDUs = 64

// tree is the switch's bridge with its timer. A nil tree is a switch without.
type tree struct {
	segment *Segment
	id      stp.BridgeID

	mu     sync.Mutex // taken before a port's and the table's
	core   *stp.Bridge
	ports  map[int]*Port // by number in the tree, from 1
	outbox []bpdu        // to be sent when mu is free
	due    time.Time
	timer  *call
	closed bool
}

// bpdu is one to be sent.
type bpdu struct {
	port    *Port
	payload []byte
}

func newTree(s *Segment, c TreeConfig) (*tree, error) {
	if c.Priority == 0 {
		c.Priority = stp.DefaultPriority
	}
	if c.Priority%4096 != 0 {
		return nil, fmt.Errorf("segment %s: bridge priority %d: want a multiple of 4096", s.name, c.Priority)
	}
	if c.Addr.IsZero() {
		c.Addr = madeAddr(s.name, 0xffff)
	}
	if c.Addr.IsMulticast() {
		return nil, fmt.Errorf("segment %s: bridge address %v is a group's", s.name, c.Addr)
	}
	t := &tree{segment: s, id: stp.NewBridgeID(c.Priority, c.Addr), ports: map[int]*Port{}}
	core, err := stp.New(s.clock.Now(), stp.Config{
		ID: t.id, MaxAge: c.MaxAge, Hello: c.Hello, ForwardDelay: c.ForwardDelay,
		Send:   func(port int, b []byte) { t.outbox = append(t.outbox, bpdu{t.ports[port], b}) },
		State:  func(port int, state stp.State) { t.ports[port].setTreeState(state) },
		Ageing: s.table.hurry,
		Root: func(root stp.BridgeID, port int) {
			name := "none: this is the root"
			if p := t.ports[port]; p != nil {
				name = p.Name()
			}
			s.log.Info("spanning tree", "root", root, "root port", name)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("segment %s: %w", s.name, err)
	}
	t.core = core
	return t, nil
}

// do has f change the tree, arms the timer, and sends what is to be sent, with no lock held: a cable carries it to
// another tree at once, which may answer.
func (t *tree) do(f func(now time.Time)) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	f(t.segment.clock.Now())
	t.arm()
	out := t.outbox
	t.outbox = nil
	t.mu.Unlock()
	for _, m := range out {
		m.port.sendBPDU(m.payload)
	}
}

// arm has the timer go off when the tree wants it; t.mu is held.
func (t *tree) arm() {
	next := t.core.Next()
	if next.Equal(t.due) {
		return
	}
	t.timer.stop()
	t.timer = nil
	t.due = next
	if !next.IsZero() {
		t.timer = t.segment.after(next.Sub(t.segment.clock.Now()), func() {
			t.do(func(now time.Time) {
				t.due = time.Time{}
				t.core.Tick(now)
			})
		})
	}
}

// add makes p a port of the tree, disabled.
func (t *tree) add(p *Port) error {
	p.treeState = stp.Forwarding
	c := p.config.Tree
	if t == nil {
		if c != (PortTree{}) && p.kind != kindDevice {
			return fmt.Errorf("segment %s: port %s: there is no spanning tree: set Config.Tree", p.segment.name, p.Name())
		}
		return nil
	}
	if c.Off {
		return nil
	}
	p.treeState = stp.Disabled
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ports[p.index+1] = p
	err := t.core.AddPort(stp.PortConfig{Number: p.index + 1, Priority: c.Priority, Cost: c.Cost, Edge: c.Edge})
	if err != nil {
		delete(t.ports, p.index+1)
		return fmt.Errorf("segment %s: port %s: %w", p.segment.name, p.Name(), err)
	}
	return nil
}

// takesPart reports whether p is a port of the tree.
func (t *tree) takesPart(p *Port) bool { return t != nil && !p.config.Tree.Off }

// follow tells the tree whether p is up.
func (t *tree) follow(p *Port) {
	if !t.takesPart(p) {
		return
	}
	t.do(func(now time.Time) {
		if t.ports[p.index+1] != p {
			return
		}
		if p.has(modeUp) {
			t.core.Enable(now, p.index+1)
		} else {
			t.core.Disable(now, p.index+1)
		}
	})
}

// remove takes p out of the tree.
func (t *tree) remove(p *Port) {
	if !t.takesPart(p) {
		return
	}
	t.do(func(now time.Time) {
		if t.ports[p.index+1] == p {
			t.core.RemovePort(now, p.index+1)
			delete(t.ports, p.index+1)
		}
	})
}

func (t *tree) close() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.timer.stop()
	t.timer = nil
}

// receive takes frames to the bridges' address that came in at p. It owns them.
func (t *tree) receive(p *Port, f []link.Frame, now time.Duration) {
	defer link.ReleaseAll(f)
	if p.config.Tree.Guard {
		p.shutFor(shutByGuard)
		return
	}
	for i := range f {
		var b [ethernet.MinFrame]byte
		n, _ := f[i].Data.ReadAt(b[:], 0)
		h, err := ethernet.ParseHeader(b[:n], f[i].Len())
		switch {
		case err != nil || h.Kind() != ethernet.KindLLC || h.LLC() != bridgeLLC:
			p.drops[dropBPDU].Add(1)
			continue
		case p.meter.bpdus.add(now, 1) > maxBPDUs:
			p.drops[dropBPDURate].Add(1)
			continue
		}
		t.do(func(at time.Time) { err = t.core.Receive(at, p.index+1, h.Payload()) })
		if err != nil {
			p.drops[dropBPDU].Add(1)
		}
	}
}

// bridgeLLC is in front of each BPDU (IEEE 802.1D-1998 §7.12.3).
var bridgeLLC = ethernet.LLC{DSAP: ethernet.SAPSTP, SSAP: ethernet.SAPSTP, Control: ethernet.ControlUI}

// sendBPDU sends past what the tree lets cross.
func (p *Port) sendBPDU(payload []byte) {
	if !p.has(modeUp) {
		return
	}
	head := ethernet.Fields{
		Destination: stp.GroupAddr, Source: p.segment.tree.id.Addr(), Kind: ethernet.KindLLC, LLC: bridgeLLC,
	}
	b, err := head.AppendTo(make([]byte, 0, ethernet.MinFrame), len(payload))
	if err != nil {
		panic(fmt.Sprintf("segment: BPDU of %d octets: %v", len(payload), err)) // ours, and of fixed length
	}
	p.sink.deliver(p.index, []link.Frame{link.NewFrame(ethernet.Pad(append(b, payload...)))})
}

// portInfo describes p's part; nil: it has none.
func (t *tree) portInfo(p *Port) *stp.PortInfo {
	if !t.takesPart(p) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ports[p.index+1] != p {
		return nil
	}
	i, _ := t.core.Port(p.index + 1)
	return &i
}

// Tree describes the switch's part in the spanning tree; false: it takes none. A port's number there is its index and
// one.
func (s *Segment) Tree() (stp.Info, bool) {
	if s.tree == nil {
		return stp.Info{}, false
	}
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	return s.tree.core.Info(), true
}
