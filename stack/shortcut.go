package stack

import (
	"io"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
)

// The shortcut: plain datagrams are carried to their end before the engine sees them, on the goroutine that read them.
//
//	queue ── frames ──► receiver ── plain, and taken ──► taker: inline handler, UDP socket, echo ── answers ──┐
//	                        │                                                                              receiver.out
//	                        └── all others ──► engine (level (a) for inline handlers)                        │ at the end
//	queue ◄──────────────────────────────────────────────────────────────────────────── frames ◄─────────────┘ of the batch
//
// A frame is plain if all of this holds, and every other one is the engine's, unchanged:
//
//   - Ethernet II without a tag, to the interface's own unicast address
//   - IPv4 with a header of 20 octets whose checksum is good, with neither offset, "more fragments" nor the reserved
//     bit; or IPv6 whose next header is the transport's
//   - TTL or hop limit above zero; IPv6 switched on
//   - lengths agree: of UDP with that of IP, of IP with the frame's, which may have padding behind
//   - UDP from a port other than 0, or an ICMP echo request
//   - a good checksum: IPv4 with none; partial or verified by the device, as the frame says; else summed here
//   - to an address that the interface has, assigned and neither tentative, a broadcast address nor a group
//   - from a unicast address that is not the host's own, nor a loopback, a broadcast, an unspecified or, in IPv6, a
//     mapped one
//   - a super-frame of UDP: its checksum is partial, and each of its datagrams fits into the MTU
//
// An answer leaves from here only if the engine would send it in one frame through the interface where the question
// came in, to a neighbour whose link address is known. What the engine would find out for each packet (is the address
// ours, may the source be one, which way back, which link address) is kept in a path, see shortcut_path.go.
//
// Counters are those of the engine and come to the same values. Answers of a batch leave together when all of the batch
// was looked at, and before any other frame of it goes to the engine: order stays as the engine makes it.
//
// Nothing here takes a lock or allocates while paths are current.

// shortcuts is what a host's shortcut shares among its interfaces. The zero value is ready.
type shortcuts struct {
	off    bool                       // Config.NoShortcut
	epoch  atomic.Uint64              // paths that were made in another one are void
	raw    atomic.Int32               // open raw sockets: they get a copy of each echo request, which the engine makes
	takers atomic.Pointer[takerTable] // nil: nobody
	mu     sync.Mutex                 // whoever changes takers

	taken, answered atomic.Uint64 // packets that came in, and that left, without the engine
	count           engineCounters
	inline          *inlineState
}

// taker gets plain datagrams of a local address and port.
type taker interface {
	// take is called on the goroutine of a queue, by several queues at a time. It is false for what is not the taker's, or
	// not at present: the engine gets the frame then, so take must not have changed it. d is only valid until it returns.
	take(d *datagram) bool
}

// datagram is a plain datagram on its way up, or a super-frame of several.
type datagram struct {
	from, to netip.AddrPort // IPv4 addresses are never mapped into IPv6; link-local ones have their zone
	size     int            // octets of payload
	segment  int            // above zero: a super-frame of datagrams of this size, the last of which may be shorter
	off      int            // where the payload starts in frame

	// frame ends where the payload ends. A taker that keeps it moves it out of here; else it is released.
	frame *link.Frame
	nic   *nic

	r       *receiver
	path    *path
	key     pathKey
	proto   uint8
	v6      bool
	trusted bool // no checksum needs to be verified
}

// payload gives the payload in one piece, which is read-only and valid as long as the datagram.
func (d *datagram) payload() []byte { return d.r.piece(d.frame, d.off, d.size) }

// count is how many datagrams there are.
func (d *datagram) count() int {
	if d.segment == 0 {
		return 1
	}
	return (d.size + d.segment - 1) / d.segment
}

// takerKey is what a taker takes.
type takerKey struct {
	v6   bool
	addr netip.Addr // invalid: any address of the host
	port uint16
}

type takerEntry struct {
	any  bool
	v6   bool
	addr [16]byte // IPv4 in the first four
	t    taker
}

// takerTable is never changed: whoever adds or removes makes a new one.
type takerTable struct{ ports map[uint16][]takerEntry }

func (k takerKey) entry(t taker) takerEntry {
	return takerEntry{any: !k.addr.IsValid(), v6: k.v6, addr: octets(k.addr), t: t}
}

// octets is an address as packets have it, IPv4 in the first four.
func octets(a netip.Addr) (b [16]byte) {
	if a = a.Unmap(); a.IsValid() {
		copy(b[:], a.AsSlice())
	}
	return b
}

// add has t take what k says. It is false if somebody else does already.
func (s *shortcuts) add(k takerKey, t taker) bool {
	e, ok := k.entry(t), true
	s.change(k.port, func(es []takerEntry) []takerEntry {
		if ok = !slices.ContainsFunc(es, e.sameKey); !ok {
			return es
		}
		if e.any {
			return append(es, e) // the more specific are found first
		}
		return slices.Insert(es, 0, e)
	})
	return ok
}

// remove undoes add. Calls of t that run may go on after it.
func (s *shortcuts) remove(k takerKey, t taker) {
	e := k.entry(t)
	s.change(k.port, func(es []takerEntry) []takerEntry {
		return slices.DeleteFunc(es, func(o takerEntry) bool { return o.sameKey(e) && o.t == t })
	})
}

func (e takerEntry) sameKey(o takerEntry) bool {
	return e.any == o.any && e.v6 == o.v6 && e.addr == o.addr
}

// change replaces the entries of a port by what f makes of a copy of them.
func (s *shortcuts) change(port uint16, f func([]takerEntry) []takerEntry) {
	if s.off {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &takerTable{ports: map[uint16][]takerEntry{}}
	if old := s.takers.Load(); old != nil {
		for p, es := range old.ports {
			next.ports[p] = es
		}
	}
	next.ports[port] = f(slices.Clone(next.ports[port]))
	if len(next.ports[port]) == 0 {
		delete(next.ports, port)
	}
	if len(next.ports) == 0 {
		next = nil
	}
	s.takers.Store(next)
}

// find gives the taker of a destination, nil if it has none.
func (s *shortcuts) find(v6 bool, dst *[16]byte, port uint16) taker {
	t := s.takers.Load()
	if t == nil {
		return nil
	}
	es := t.ports[port]
	for i := range es {
		if e := &es[i]; e.v6 == v6 && (e.any || e.addr == *dst) {
			return e.t
		}
	}
	return nil
}

// changed makes all paths void. Whatever changes addresses, routes or neighbours calls it afterwards.
func (s *shortcuts) changed() { s.epoch.Add(1) }

// init makes s the shortcuts of h.
func (s *shortcuts) init(h *Host) {
	s.off, s.inline = h.cfg.NoShortcut, &h.socks.inline
	s.count.init(h.ns.Stats())
}

// watch has the engine to be built tell of changes of its neighbours.
func (s *shortcuts) watch(o netstack.Options) netstack.Options {
	o.NUDDisp = s
	return o
}

// opened notes that n sockets like c were opened.
func (s *shortcuts) opened(c io.Closer, n int32) {
	if _, ok := c.(*IPConn); ok {
		s.raw.Add(n)
	}
}

// OnNeighborAdded implements [netstack.NUDDispatcher].
func (s *shortcuts) OnNeighborAdded(tcpip.NICID, netstack.NeighborEntry) { s.changed() }

// OnNeighborChanged implements [netstack.NUDDispatcher].
func (s *shortcuts) OnNeighborChanged(tcpip.NICID, netstack.NeighborEntry) { s.changed() }

// OnNeighborRemoved implements [netstack.NUDDispatcher].
func (s *shortcuts) OnNeighborRemoved(tcpip.NICID, netstack.NeighborEntry) { s.changed() }
