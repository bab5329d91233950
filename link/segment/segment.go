package segment

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
)

// maxPorts is what a port number of the spanning tree can tell apart (IEEE 802.1D-2004 §9.2.7).
const maxPorts = 4095

// Segment is one Ethernet in memory.
type Segment struct {
	name  string
	kind  Kind
	clock link.Clock
	log   *slog.Logger
	pass  bool // forward what is sent to reserved addresses
	epoch time.Time

	ports   atomic.Pointer[[]*Port] // by number, without gaps; replaced, never changed
	table   table
	tree    *tree          // nil: none
	vlans   bool           // tags are read
	scratch sync.Pool      // of *floodScratch
	pumps   sync.WaitGroup // goroutines of bridges, and calls that timers will make

	mu      sync.Mutex // whoever changes ports
	closed  bool
	classes []class
}

// New makes a segment without ports.
func New(c Config) (*Segment, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Segment{
		name: c.Name, kind: c.Kind, clock: c.Clock, log: c.Log.With("segment", c.Name), pass: c.ForwardReserved,
		vlans: c.VLANs, epoch: c.Clock.Now(),
	}
	s.ports.Store(new([]*Port))
	s.table.init(c)
	if c.Tree != nil {
		if s.tree, err = newTree(s, *c.Tree); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Name is the segment's name.
func (s *Segment) Name() string { return s.name }

// Kind is how the segment forwards.
func (s *Segment) Kind() Kind { return s.kind }

// now is the segment's time.
func (s *Segment) now() time.Duration { return s.clock.Now().Sub(s.epoch) }

// Attach makes a port whose station is c.Out.
func (s *Segment) Attach(c PortConfig) (*Port, error) {
	if c.Out == nil {
		return nil, fmt.Errorf("segment %s: port %s: PortConfig.Out is nil: give the function that takes the frames, or use NewDevice", s.name, c.Name)
	}
	return s.attach(c, kindAttached, func(p *Port) sink { return newOutlet(p, c) })
}

// attach makes a port and opens it.
func (s *Segment) attach(c PortConfig, kind string, makeSink func(*Port) sink) (*Port, error) {
	p, err := s.insert(c, kind, makeSink)
	if err != nil {
		return nil, err
	}
	p.change(func() {})
	return p, nil
}

// insert gives a new port the lowest free number. It is down.
func (s *Segment) insert(c PortConfig, kind string, makeSink func(*Port) sink) (*Port, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("segment %s: port %s: %w", s.name, c.Name, net.ErrClosed)
	}
	ports := *s.ports.Load()
	index := 0
	for index < len(ports) && ports[index].index == index {
		index++
	}
	if index >= maxPorts {
		return nil, fmt.Errorf("segment %s: port %s: there are %d ports already", s.name, c.Name, maxPorts)
	}
	p, err := s.newPort(c, index, kind)
	if err != nil {
		return nil, err
	}
	if err := s.tree.add(p); err != nil {
		return nil, err
	}
	p.sink = makeSink(p)
	grown := slices.Insert(slices.Clone(ports), index, p)
	s.ports.Store(&grown)
	return p, nil
}

// newPort checks c and makes a port of it; s.mu is held.
func (s *Segment) newPort(c PortConfig, index int, kind string) (*Port, error) {
	c, err := c.withDefaults(s.name, index)
	if err != nil {
		return nil, err
	}
	p := &Port{segment: s, index: index, kind: kind, config: c, hasCarrier: true}
	p.class = class{c.MTU, c.Offload}
	p.classID = s.classID(p.class)
	if p.vlan, err = newMembership(c, s.vlans); err != nil {
		return nil, err
	}
	return p, nil
}

// classID numbers the classes of ports; s.mu is held.
func (s *Segment) classID(c class) int {
	i := slices.Index(s.classes, c)
	if i < 0 {
		i = len(s.classes)
		s.classes = append(s.classes, c)
	}
	return i
}

// remove takes p out of the list.
func (s *Segment) remove(p *Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(*s.ports.Load()), func(q *Port) bool { return q == p })
	s.ports.Store(&left)
}

// Close detaches all ports, closes the devices that the segment owns, and returns when its goroutines are gone. It must
// not be called from a port's Out. Closing twice is allowed.
func (s *Segment) Close() error {
	s.mu.Lock()
	s.closed = true
	ports := *s.ports.Load()
	s.mu.Unlock()
	for _, p := range ports {
		p.Detach()
	}
	s.tree.close()
	s.pumps.Wait()
	return nil
}

// call is a call that the segment's Close waits for.
type call struct {
	segment *Segment
	timer   link.Timer
}

// after has f called d from now.
func (s *Segment) after(d time.Duration, f func()) *call {
	s.pumps.Add(1)
	return &call{s, s.clock.AfterFunc(d, func() {
		defer s.pumps.Done()
		f()
	})}
}

// stop prevents a call that is still to come.
func (c *call) stop() {
	if c != nil && c.timer.Stop() {
		c.segment.pumps.Done()
	}
}
