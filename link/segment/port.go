package segment

import (
	"sync"
	"sync/atomic"

	"tapestry/link"
)

// Port is where a station is on the segment.
type Port struct {
	segment  *Segment
	index    int
	kind     string // who is behind it: device, attached, bridge
	config   PortConfig
	sink     sink
	counters link.Counters // as the segment sees them: Rx from the station
	drops    [numReasons]atomic.Uint64

	up        atomic.Bool           // frames cross: neither shut, nor without carrier, nor detached
	src       atomic.Pointer[entry] // the last sender and the last receiver of frames from here: most are like the one before
	dst       atomic.Pointer[entry]
	addrs     atomic.Int32  // learned behind this port
	unlearned atomic.Uint64 // times that a sender was not learned because a limit was reached

	mu         sync.Mutex // whoever changes up
	shut       string     // why the port is shut; "" if it is not
	hasCarrier bool
	detached   bool
}

// sink takes frames to the station, from the port of number from. It owns the frames, not the slice, and counts them.
type sink interface {
	deliver(from int, f []link.Frame)
	queued() int
	close()
}

// Index is the port's number: the lowest that was free when it was attached.
func (p *Port) Index() int { return p.index }

// Name is the port's name.
func (p *Port) Name() string { return p.config.Name }

// Segment is where the port is.
func (p *Port) Segment() *Segment { return p.segment }

// Stats are the port's counters as the segment sees them: Rx is what came from the station, Tx what went to it.
func (p *Port) Stats() link.Stats { return p.counters.Stats() }

// Detach takes the port off the segment and closes the device behind it, if the segment owns it. A writer that is
// under way may still hand frames to Out. Detaching twice is allowed.
func (p *Port) Detach() {
	if !p.segment.remove(p) {
		return
	}
	p.change(func() { p.detached = true })
	p.segment.table.dropPort(p)
	p.sink.close()
}

// Shut takes the carrier from the port: no frame crosses it in either direction until Reopen.
func (p *Port) Shut() { p.setShut("shut") }

// Reopen undoes Shut, also what the segment itself shut.
func (p *Port) Reopen() { p.setShut("") }

func (p *Port) setShut(why string) { p.change(func() { p.shut = why }) }

// SetCarrier tells the segment whether there is anybody behind the port: a cable was cut, or a device lost its own
// carrier. A new port has it.
func (p *Port) SetCarrier(up bool) { p.change(func() { p.hasCarrier = up }) }

// change has f change the port's state and does what follows from it.
func (p *Port) change(f func()) {
	p.mu.Lock()
	wasUp, wasOpen := p.up.Load(), p.isOpen()
	f()
	up, open := p.isOpen() && p.hasCarrier, p.isOpen()
	p.up.Store(up)
	p.mu.Unlock()
	if wasUp && !up {
		p.segment.table.flushPort(p)
	}
	if wasOpen != open && p.config.Carrier != nil {
		p.config.Carrier(open)
	}
}

// isOpen reports whether the segment's side of the port is open; p.mu is held.
func (p *Port) isOpen() bool { return p.shut == "" && !p.detached }
