package segment

import (
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/segment/stp"
)

// Port is where a station is on the segment.
type Port struct {
	segment *Segment
	index   int
	kind    string // who is behind it: device, attached, bridge, cable
	config  PortConfig
	class   class
	classID int
	vlan    membership
	sink    sink

	mode  atomic.Uint32         // what crosses the port, see the modes
	src   atomic.Pointer[entry] // the last sender and the last receiver of frames from here: most are like the one before
	dst   atomic.Pointer[entry]
	meter meter
	wants atomic.Pointer[func(head []byte) bool] // of what is flooded, what the station has a use for; nil: everything

	counters  link.Counters // as the segment sees them: Rx from the station
	drops     [numReasons]atomic.Uint64
	addrs     atomic.Int32  // learned behind this port
	unlearned atomic.Uint64 // times that a sender was not learned because a limit was reached

	mu         sync.Mutex // whoever changes mode
	shut       string     // why the port is shut; "" if it is not
	hasCarrier bool
	detached   bool
	treeState  stp.State // Forwarding where there is no tree
	reopen     *call     // after jabber
	told       bool      // that the port is shut
	telling    bool      // somebody calls config.Carrier, and looks at told afterwards
}

// The modes: what crosses a port. Each has those below it.
const (
	modeUp      = 1 << iota // BPDUs
	modeLearn               // senders are learned
	modeForward             // frames
)

// sink takes frames to the station, from the port of number from. It owns the frames, not the slice, and counts them.
type sink interface {
	deliver(from int, f []link.Frame)
	queued() int
	close()
}

// Who is behind a port.
const (
	kindDevice   = "device"
	kindAttached = "attached"
	kindBridge   = "bridge"
	kindCable    = "cable"
)

// Why a port is shut.
const (
	shutByHand   = "shut"
	shutByJabber = "shut: jabber"
	shutByFloods = "shut: floods"
	shutByGuard  = "shut: bpdu"
)

// Index is the port's number: the lowest that was free when it was attached.
func (p *Port) Index() int { return p.index }

// Name is the port's name.
func (p *Port) Name() string { return p.config.Name }

// Segment is where the port is.
func (p *Port) Segment() *Segment { return p.segment }

// Stats are the port's counters as the segment sees them: Rx is what came from the station, Tx what went to it.
func (p *Port) Stats() link.Stats { return p.counters.Stats() }

// has reports whether all that m stands for crosses the port.
func (p *Port) has(m uint32) bool { return p.mode.Load()&m != 0 }

// Detach takes the port off the segment and closes the device behind it, if the segment owns it. A writer that is
// under way may still hand frames to Out. Detaching twice is allowed.
func (p *Port) Detach() {
	first := false
	p.change(func() { first, p.detached = !p.detached, true })
	if !first {
		return
	}
	p.segment.tree.remove(p) // while nobody else can have the number
	p.segment.remove(p)
	p.segment.table.dropPort(p)
	p.sink.close()
}

// Shut takes the carrier from the port: no frame crosses it in either direction until Reopen.
func (p *Port) Shut() { p.change(func() { p.shut = shutByHand }) }

// Reopen undoes Shut, also what the segment itself shut.
func (p *Port) Reopen() { p.change(func() { p.shut = "" }) }

// SetCarrier tells the segment whether there is anybody behind the port: a cable was cut, or a device lost its own
// carrier. A new port has it.
func (p *Port) SetCarrier(up bool) { p.change(func() { p.hasCarrier = up }) }

// shutFor shuts an open port and logs why.
func (p *Port) shutFor(why string, args ...any) {
	did := false
	p.change(func() {
		if did = p.isOpen(); did {
			p.shut = why
		}
	})
	if did {
		p.segment.log.Warn("port "+why, append([]any{"port", p.Name()}, args...)...)
	}
}

// change has f change what the port's mode follows from, and does what follows from that.
func (p *Port) change(f func()) {
	p.mu.Lock()
	was := p.mode.Load()
	f()
	if p.detached || !isByRate(p.shut) {
		p.reopen.stop()
		p.reopen = nil
	}
	up := p.setMode()
	p.mu.Unlock()
	if was&modeUp != 0 && !up {
		p.segment.table.flushPort(p)
	}
	p.segment.tree.follow(p)
	p.tell()
}

// setMode sums up the port's state and reports whether it is up; p.mu is held.
func (p *Port) setMode() (up bool) {
	if !p.isOpen() || !p.hasCarrier {
		p.mode.Store(0)
		return false
	}
	m := uint32(modeUp)
	if p.treeState >= stp.Learning {
		m |= modeLearn
	}
	if p.treeState >= stp.Forwarding {
		m |= modeForward
	}
	p.mode.Store(m)
	return true
}

// setTreeState is what the spanning tree decided.
func (p *Port) setTreeState(s stp.State) {
	p.mu.Lock()
	was := p.treeState
	p.treeState = s
	p.setMode()
	p.mu.Unlock()
	if was >= stp.Learning && s < stp.Learning {
		p.segment.table.flushPort(p)
	}
}

// tell calls Carrier if there is something new to say: by one goroutine at a time, so that the last call is true. Others
// leave it what they have to say and do not wait: the far end of a cable may be waiting for them.
func (p *Port) tell() {
	if p.config.Carrier == nil {
		return
	}
	p.mu.Lock()
	for !p.telling && p.isOpen() == p.told {
		p.told, p.telling = !p.told, true
		open := !p.told
		p.mu.Unlock()
		p.config.Carrier(open)
		p.mu.Lock()
		p.telling = false
	}
	p.mu.Unlock()
}

// isOpen reports whether the segment's side of the port is open; p.mu is held.
func (p *Port) isOpen() bool { return p.shut == "" && !p.detached }
