package stack

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// IPXConfig gives an interface a network of IPX, in frames of one type. The zero value of each field means its default.
type IPXConfig struct {
	// Frame is the frame type. Stations with different types do not hear each other, and nobody complains: choose what
	// the others on the wire have. The default is the zero Kind, Ethernet II (KindII). Mind that others have other
	// defaults: NetWare since 3.12, and the hosts of a lab's file, have 802.2 (KindLLC), older NetWare raw 802.3
	// (KindRaw).
	Frame ethernet.Kind
	// Auto finds the frame type out; Frame is not looked at. The interface has a port of each of the four types at
	// first, and asks on each for networks (RIP), again and again. The first whose network becomes known, by an
	// answer or from traffic, stays, and the others go. With a Network, only a port that turns out to have this
	// number is taken; where nobody has told after 5 s, 802.2 is, with that number.
	Auto    bool
	Network ipx.Network // a number like 0xcafe; default: learned from a router's answer, or else from traffic
	// MaxPacket is the most that is sent and accepted, in octets with header. The default is also the least: 576, which
	// every router passes on (IPX Router Specification 1.30). More than the frames carry is what they carry, so that
	// 65535 stands for it.
	MaxPacket int
	Checksum  bool   // write IPX's real checksum, which raw 802.3 cannot carry
	Ticks     uint16 // what the way through costs, in 1/18 s; default 1
	Name      string // default eth0/802.2, of the names of the interface and the frame type
}

// ipxHost is what a host has of IPX. Nothing of it is made before somebody asks.
type ipxHost struct {
	host  *Host
	stack atomic.Pointer[ipx.Stack]
	conns atomic.Pointer[spx.Transport]
	drops ipxDrops

	mu sync.Mutex // whoever makes stack and conns

	// Under the lock of the stack:
	ports  []*ipxPort // by number
	adding *ipxPort   // whose number is not known yet
	dirty  []*nic     // with frames to send
}

// ipxPort is one frame type of one interface.
type ipxPort struct {
	ipx.PortConfig
	nic  *nic
	head ipxHead
	id   ipx.PortID
	auto *ipxAuto // nil: settled
}

// ipxPorts are an interface's ports by frame type. A table is never changed: whoever changes it makes a new one.
type ipxPorts [ethernet.KindSNAP + 1]*ipxPort

// IPX gives the host's node of IPX; the first call makes it. Interfaces get a network by [Interface.AddIPX].
func (h *Host) IPX() *ipx.Stack {
	x := &h.ipx
	if s := x.stack.Load(); s != nil {
		return s
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.make()
}

// SPX gives the host's connections; the first call makes them, and the node.
func (h *Host) SPX() *spx.Transport {
	x := &h.ipx
	if t := x.conns.Load(); t != nil {
		return t
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.conns.Load(); t != nil {
		return t
	}
	c := h.cfg.SPX
	c.Clock, c.Waker, c.Random = h.cfg.Clock, h.wake, h.random32()
	t, err := spx.New(x.make(), c)
	if err != nil {
		panic("stack: " + err.Error()) // New has tried the configuration
	}
	if h.isClosed() != nil {
		t.Close()
	}
	x.conns.Store(t)
	return t
}

// make gives the node; the first call makes it. x.mu is held.
func (x *ipxHost) make() *ipx.Stack {
	if s := x.stack.Load(); s != nil {
		return s
	}
	h := x.host
	s, err := ipx.NewStack(ipx.StackConfig{Node: h.ipxConfig(), Clock: h.cfg.Clock, Waker: h.wake, Flush: x.flush})
	if err != nil {
		panic("stack: " + err.Error()) // New has tried the configuration
	}
	if h.isClosed() != nil {
		s.Close()
	}
	x.stack.Store(s)
	return s
}

// ipxConfig is the node's configuration, with what is the host's to say.
func (h *Host) ipxConfig() ipx.Config {
	c := h.cfg.IPX
	defaultTo(&c.Name, h.cfg.Name)
	c.Log, c.Output, c.Random = h.cfg.Log, h.ipx.output, h.random32()
	return c
}

// random32 gives a source of random numbers for one goroutine at a time.
func (h *Host) random32() func() uint32 {
	var seed [32]byte
	rng := h.ns.SecureRNG()
	for i := 0; i < len(seed); i += 4 {
		binary.BigEndian.PutUint32(seed[i:], rng.Uint32())
	}
	return rand.New(rand.NewChaCha8(seed)).Uint32
}

// tryIPX gives the error for which IPX and SPX will refuse their configuration.
func (c Config) tryIPX() error {
	c.IPX.Output, c.IPX.Random = func(ipx.PortID, ipx.NodeAddr, []byte) {}, func() uint32 { return 0 }
	s, err := ipx.NewStack(ipx.StackConfig{Node: c.IPX, Clock: c.Clock})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = spx.New(s, c.SPX)
	return err
}

// close ends the sockets; who asks for the node afterwards gets a closed one.
func (x *ipxHost) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.conns.Load(); t != nil {
		t.Close() // only reports that it was closed before
	}
	s := x.stack.Load()
	if s == nil {
		return
	}
	s.Close() // reports nothing
	s.Do(func(time.Time, *ipx.Node) {
		for _, p := range x.ports {
			if p != nil && p.auto != nil {
				p.auto.stop()
			}
		}
	})
}

// AddIPXNetwork gives the host an internal network, where the services of a server are: its address does not depend on
// an interface.
func (h *Host) AddIPXNetwork(network ipx.Network) (err error) {
	h.IPX().Do(func(now time.Time, n *ipx.Node) {
		_, err = n.AddPort(now, ipx.PortConfig{Name: "internal", Network: network, Internal: true, MaxPacket: ipxwire.Max})
	})
	return err
}
