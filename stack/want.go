package stack

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link/ethernet"
)

// filterer is a device that can leave out frames before they cost a queue entry and a wake-up, as hardware does with
// addresses that it was not told. wants is given the start of a frame, at least its first chunk; it may be called by
// any goroutine, also by several, and neither blocks nor takes a lock. Frames that it is false for are of no use.
type filterer interface {
	SetFilter(wants func(head []byte) bool)
}

// wants says which frames an interface has a use for: those to its own address and, of those to groups, all that are
// not known to be of use to others only. With a thousand hosts on one segment, what each says to everybody when it
// starts (requests for addresses, reports of groups, solicitations of routers) is nearly all that each one hears.
//
// It is asked on the goroutine of whoever sends, who may hold locks of another host's engine, so it must not ask the
// engine of this one: what there is to know is kept here.
type wants struct {
	addr  ethernet.Addr
	drops *atomic.Uint64 // counts frames that are not wanted
	all   atomic.Bool    // an application joined groups of the link's own protocols

	v4 atomic.Pointer[[]netip.Addr] // addresses of IPv4
	v6 atomic.Pointer[[]nodeGroup]  // of the solicited-node groups of our addresses

	mu sync.Mutex // whoever changes v4 and v6
}

// nodeGroup is the part of a solicited-node group that is the address's own (RFC 4291 §2.7.1).
type nodeGroup [3]byte

func (w *wants) init(a ethernet.Addr, drops *atomic.Uint64) {
	w.addr, w.drops = a, drops
	w.v4.Store(new([]netip.Addr))
	w.v6.Store(new([]nodeGroup))
}

// frame reports whether a frame is of use; head is the start of it, in which a header may be cut off.
func (w *wants) frame(head []byte) bool {
	if len(head) < ethernet.HeaderLen || w.isWanted(head) {
		return true
	}
	w.drops.Add(1)
	return false
}

func (w *wants) isWanted(head []byte) bool {
	if head[0]&1 == 0 {
		return ethernet.Addr(head[:ethernet.AddrLen]) == w.addr
	}
	if w.all.Load() {
		return true
	}
	switch p := head[ethernet.HeaderLen:]; ethernet.EtherType(binary.BigEndian.Uint16(head[12:])) {
	case ethernet.TypeARP:
		return w.wantsARP(p)
	case ethernet.TypeIPv6:
		return w.wantsIPv6(p)
	}
	return true
}

// wantsARP: a request concerns us if it asks for an address of ours, or comes from one who claims to have it
// (RFC 5227 §2.4). The engine takes nothing from other requests.
func (w *wants) wantsARP(p []byte) bool {
	h := header.ARP(p)
	if len(p) < header.ARPSize || !h.IsValid() || h.Op() != header.ARPRequest {
		return true
	}
	own := *w.v4.Load()
	target := netip.AddrFrom4([4]byte(h.ProtocolAddressTarget()))
	sender := netip.AddrFrom4([4]byte(h.ProtocolAddressSender()))
	return slices.Contains(own, target) || slices.Contains(own, sender)
}

// Groups of routers: solicitations go to the first (RFC 4861 §4.1), reports of groups to the second (RFC 3810 §5.2.14).
var (
	allRouters   = [16]byte{0: 0xff, 1: 0x02, 15: 2}
	mldv2Routers = [16]byte{0: 0xff, 1: 0x02, 15: 0x16}
	solicited    = [13]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff} // RFC 4291 §2.7.1: ff02::1:ff00:0/104
)

func (w *wants) wantsIPv6(p []byte) bool {
	if len(p) < header.IPv6MinimumSize {
		return true
	}
	switch dst := [16]byte(p[24:40]); {
	case dst == allRouters, dst == mldv2Routers:
		return false
	case [13]byte(dst[:]) == solicited:
		return slices.Contains(*w.v6.Load(), nodeGroup(dst[13:]))
	}
	return true
}

// add notes an address, before it is used.
func (w *wants) add(a netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a = a.Unmap(); a.Is4() {
		own := append(slices.Clone(*w.v4.Load()), a)
		w.v4.Store(&own)
		return
	}
	groups := append(slices.Clone(*w.v6.Load()), nodeGroupOf(a))
	w.v6.Store(&groups)
}

// remove forgets what one add noted.
func (w *wants) remove(a netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a = a.Unmap(); a.Is4() {
		own := without(*w.v4.Load(), a)
		w.v4.Store(&own)
		return
	}
	groups := without(*w.v6.Load(), nodeGroupOf(a))
	w.v6.Store(&groups)
}

// without is a copy of s that has v once less.
func without[T comparable](s []T, v T) []T {
	s = slices.Clone(s)
	if i := slices.Index(s, v); i >= 0 {
		s = slices.Delete(s, i, i+1)
	}
	return s
}

func nodeGroupOf(a netip.Addr) nodeGroup {
	b := a.As16()
	return nodeGroup(b[13:])
}

// wantGroup notes that an application joined a group. It stays: few do, and a frame too many does no harm.
func (h *Host) wantGroup(id tcpip.NICID, group netip.Addr) {
	b := group.As16()
	if b != allRouters && b != mldv2Routers && [13]byte(b[:]) != solicited {
		return
	}
	if i, ok := h.interfaceByID(id); ok {
		i.nic.wants.all.Store(true)
	}
}
