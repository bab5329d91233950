package stack

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
)

// Handler is a protocol beside the engine's: plain code without goroutine, lock, clock or randomness of its own. It
// was made with its output function. The results are its earliest deadline; the zero time means none.
type Handler interface {
	// Deliver takes one frame up. The frame is the caller's: keep a Clone, not the frame.
	Deliver(now time.Time, f *link.Frame) (next time.Time)
	// Tick is called at the deadline.
	Tick(now time.Time) (next time.Time)
}

// Framing selects frames: those of one EtherType (Ethernet II and SNAP), raw 802.3, or one 802.2 service access point.
type Framing struct {
	Kind ethernet.Kind
	Type ethernet.EtherType // for Ethernet II and SNAP
	SAP  ethernet.SAP       // destination service access point, for 802.2
}

// handlers are the protocols beside the engine's on one interface.
type handlers struct {
	mu sync.RWMutex
	m  map[Framing]*handlerEntry
}

// handlerEntry owns the lock of a handler's calls and its deadline.
type handlerEntry struct {
	h      Handler
	clock  link.Clock
	closed atomic.Bool
	calls  sync.Mutex // held during a call of h

	mu    sync.Mutex // a leaf
	timer link.Timer
}

// Handle sends frames of the given framing that arrive on the interface to hd. The result unregisters it; hd may call
// it itself, and a call of hd that runs on another goroutine may still be running when it returns.
func (h *Host) Handle(iface string, fr Framing, hd Handler) (remove func(), err error) {
	i, err := h.interfaceNamed(iface)
	if err != nil {
		return nil, err
	}
	if k := fr.Kind; k <= ethernet.KindSNAP && fr == ipxFraming(k) && i.nic.ipxPort(k) != nil {
		return nil, fmt.Errorf("stack: %s: %v frames are the host's own node's of IPX; remove its network first", iface, fr)
	}
	hs := &i.nic.handlers
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if _, taken := hs.m[fr]; taken {
		return nil, fmt.Errorf("stack: %s: %v frames have a handler already", iface, fr)
	}
	e := &handlerEntry{h: hd, clock: h.cfg.Clock}
	if hs.m == nil {
		hs.m = map[Framing]*handlerEntry{}
	}
	hs.m[fr] = e
	return func() { hs.remove(fr, e) }, nil
}

// has reports whether frames of the framing have a handler.
func (hs *handlers) has(fr Framing) bool {
	hs.mu.RLock()
	defer hs.mu.RUnlock()
	return hs.m[fr] != nil
}

func (hs *handlers) remove(fr Framing, e *handlerEntry) {
	hs.mu.Lock()
	if hs.m[fr] == e {
		delete(hs.m, fr)
	}
	hs.mu.Unlock()
	e.close()
}

// close removes all handlers and waits for their calls. The interface is read no more.
func (hs *handlers) close() {
	hs.mu.Lock()
	m := hs.m
	hs.m = nil
	hs.mu.Unlock()
	for _, e := range m {
		e.close()
		e.wait()
	}
}

// wait returns when no call of the handler runs.
func (e *handlerEntry) wait() {
	e.calls.Lock()
	defer e.calls.Unlock()
}

// deliver reports whether a handler took the frame.
func (hs *handlers) deliver(fr Framing, f *link.Frame) bool {
	hs.mu.RLock()
	e := hs.m[fr]
	hs.mu.RUnlock()
	if e == nil {
		return false
	}
	e.call(func(now time.Time) time.Time { return e.h.Deliver(now, f) })
	return true
}

func (e *handlerEntry) tick() { e.call(e.h.Tick) }

// call calls the handler and arms its next deadline.
func (e *handlerEntry) call(h func(now time.Time) time.Time) {
	e.calls.Lock()
	defer e.calls.Unlock()
	if e.closed.Load() {
		return
	}
	now := e.clock.Now()
	e.arm(now, h(now))
}

func (e *handlerEntry) arm(now, next time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed.Load():
	case next.IsZero():
		if e.timer != nil {
			e.timer.Stop()
		}
	case e.timer == nil:
		e.timer = e.clock.AfterFunc(next.Sub(now), e.tick)
	default:
		e.timer.Reset(next.Sub(now))
	}
}

func (e *handlerEntry) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed.Store(true)
	if e.timer != nil {
		e.timer.Stop()
	}
}
