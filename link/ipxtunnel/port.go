package ipxtunnel

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"tapestry/link"
	"tapestry/link/internal/ring"
	"tapestry/link/internal/wire"
)

// port is the Ethernet side of both ends: what they are as a [link.Device] with one queue.
type port struct {
	link.Counters
	drops   drops
	echoes  echoes
	info    link.Info
	wire    Wire
	in      *ring.Ring // frames for the reader
	framers sync.Pool  // of *framer, for writers
	closed  atomic.Bool
	gone    chan struct{} // closed when the device is closed or of no more use
	goneSet sync.Once
	broken  atomic.Pointer[error] // why it is of no more use
}

func (p *port) init(name string, w Wire, depth int) {
	p.wire, p.in, p.gone = w, ring.New(depth, 0), make(chan struct{})
	p.info = link.Info{Name: name, Addr: w.Addr, MTU: w.MTU, Up: true, Changed: p.gone}
	p.framers.New = func() any { return p.newFramer() }
}

func (p *port) newFramer() *framer {
	return &framer{kind: p.wire.Frame, mtu: p.wire.MTU, maxPacket: p.wire.MaxPacket, drops: &p.drops}
}

// Info implements [link.Device].
func (p *port) Info() link.Info { return wire.Now(p.info, p.gone) }

// Drops tells why packets were lost.
func (p *port) Drops() Drops { return p.drops.read() }

// ReadFrames implements [link.Queue].
func (p *port) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	if n := p.in.Get(f); n > 0 {
		p.CountRx(f[:n])
		return n, nil
	}
	if err := p.broken.Load(); err != nil && !p.closed.Load() {
		return 0, fmt.Errorf("ipxtunnel: %s has lost its socket: %w", p.info.Name, *err)
	}
	return 0, net.ErrClosed
}

// write gives each frame to send and counts what it says.
func (p *port) write(f []link.Frame, send func(*framer, *link.Frame) bool) (sent int) {
	fr := p.framers.Get().(*framer)
	var octets uint64
	for i := range f {
		if !p.closed.Load() && send(fr, &f[i]) {
			sent++
			octets += uint64(f[i].Len())
		}
		f[i].Release()
	}
	p.framers.Put(fr)
	p.AddTx(uint64(sent), octets, 0)
	if lost := len(f) - sent; lost > 0 {
		p.DropTx(lost)
	}
	return sent
}

// deliver gives a frame to the reader.
func (p *port) deliver(one []link.Frame) {
	if n, _ := p.in.Put(one); n == 0 {
		p.drops.full.Add(1)
		p.DropRx(1)
		one[0].Release()
	}
}

// fail ends the port for its reader. No error: it was closed.
func (p *port) fail(err error) {
	if err != nil {
		p.broken.CompareAndSwap(nil, &err)
	}
	p.goneSet.Do(func() { close(p.gone) })
	p.in.Close()
}
