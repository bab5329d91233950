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

	v4, v6 ownKeys // our IPv4 addresses; the last four octets of the solicited-node groups of the others

	mu sync.Mutex // whoever changes v4 and v6
}

// ownKey is what tells an address, or the group of an address, from those of others.
type ownKey [4]byte

// keyFor gives the key of an address. The last four octets of a solicited-node group are 255 and the last three of the
// address (RFC 4291 §2.7.1).
func keyFor(a netip.Addr) ownKey {
	if a.Is4() {
		return a.As4()
	}
	b := a.As16()
	return ownKey{0xff, b[13], b[14], b[15]}
}

// ownKeys is a small set that is read without a lock. Among a thousand hosts nearly all are done with a frame after a
// look at bits, in the cache line where they are; the keys are two lines further.
type ownKeys struct {
	bits atomic.Uint64 // one for the end of each key
	keys atomic.Pointer[[]ownKey]
}

func (o *ownKeys) has(k ownKey) bool {
	return o.bits.Load()&k.bit() != 0 && slices.Contains(*o.keys.Load(), k)
}

func (k ownKey) bit() uint64 { return 1 << (k[3] & 63) }

// replace has the set hold what f makes of a copy of its keys. One goroutine at a time may call it.
func (o *ownKeys) replace(f func([]ownKey) []ownKey) {
	var keys []ownKey
	if old := o.keys.Load(); old != nil {
		keys = slices.Clone(*old)
	}
	keys = f(keys)
	var bits uint64
	for _, k := range keys {
		bits |= k.bit()
	}
	o.keys.Store(&keys) // first: who sees a bit looks at them
	o.bits.Store(bits)
}

func (w *wants) init(a ethernet.Addr, drops *atomic.Uint64) { w.addr, w.drops = a, drops }

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
	return w.v4.has(ownKey(h.ProtocolAddressTarget())) || w.v4.has(ownKey(h.ProtocolAddressSender()))
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
		return w.v6.has(ownKey(dst[12:]))
	}
	return true
}

// add notes an address, before it is used.
func (w *wants) add(a netip.Addr) {
	w.change(a, func(keys []ownKey, k ownKey) []ownKey { return append(keys, k) })
}

// remove forgets what one add noted.
func (w *wants) remove(a netip.Addr) {
	w.change(a, func(keys []ownKey, k ownKey) []ownKey {
		if i := slices.Index(keys, k); i >= 0 {
			keys = slices.Delete(keys, i, i+1)
		}
		return keys
	})
}

func (w *wants) change(a netip.Addr, f func([]ownKey, ownKey) []ownKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a = a.Unmap()
	own := &w.v6
	if a.Is4() {
		own = &w.v4
	}
	own.replace(func(keys []ownKey) []ownKey { return f(keys, keyFor(a)) })
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
