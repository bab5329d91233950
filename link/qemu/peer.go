package qemu

import (
	"bufio"
	"net"
	"sync"

	"tapestry/link"
	"tapestry/link/internal/wire"
)

// peer is one connection.
type peer struct {
	dev     *Device
	conn    net.Conn
	in      *decoder
	gone    chan struct{} // closed when the connection has ended
	goneSet sync.Once
	err     error // why; valid once gone is closed
	writing sync.WaitGroup

	mu     sync.RWMutex // held for reading while the queue may be filled
	queue  chan link.Frame
	closed bool // the queue is
}

func newPeer(conn net.Conn, d *Device) *peer {
	p := &peer{dev: d, conn: conn, gone: make(chan struct{}), queue: make(chan link.Frame, d.cfg.Depth)}
	p.in = newDecoder(conn, d.cfg.MTU, func() { d.DropRx(1) })
	p.writing.Go(p.write)
	return p
}

// fail ends the connection; the first reason counts.
func (p *peer) fail(err error) {
	p.goneSet.Do(func() {
		p.err = err
		p.conn.Close()
		p.mu.Lock()
		p.closed = true
		close(p.queue)
		p.mu.Unlock()
		close(p.gone)
	})
}

func (p *peer) end() { p.fail(net.ErrClosed) }

func (p *peer) hasEnded() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// why tells the reason of the end: "the peer closed it" for an orderly one.
func (p *peer) why() string {
	if isEnd(p.err) {
		return "connection closed"
	}
	return p.err.Error()
}

// read waits for a frame and gives what else is at hand.
func (p *peer) read(f []link.Frame) (int, error) {
	var err error
	if f[0], err = p.in.next(); err != nil {
		return 0, err
	}
	n := 1
	for n < len(f) && p.in.hasNext() {
		if f[n], err = p.in.next(); err != nil {
			break // it comes again
		}
		n++
	}
	return n, nil
}

// send queues a frame, or its segments, and reports whether all of it found room.
func (p *peer) send(f link.Frame) bool {
	mtu := p.dev.cfg.MTU
	if !wire.Carries(mtu, &f) {
		f.Release()
		return false
	}
	if wire.IsReady(&f, 0) {
		return p.put(f)
	}
	parts, err := link.Fit(nil, f, 0)
	ok := err == nil
	for i := range parts {
		if !wire.Carries(mtu, &parts[i]) {
			parts[i].Release()
			ok = false
			continue
		}
		ok = p.put(parts[i]) && ok
	}
	return ok
}

func (p *peer) put(f link.Frame) bool {
	size := uint64(f.Len())
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.closed {
		select {
		case p.queue <- f:
			p.dev.AddTx(1, size, 0)
			return true
		default:
		}
	}
	f.Release()
	return false
}

// write writes what is queued until the connection ends. It is what waits for a peer that does not read.
func (p *peer) write() {
	w := bufio.NewWriterSize(p.conn, 64<<10)
	var chunks [][]byte
	for f := range p.queue {
		if p.hasEnded() {
			p.dev.DropTx(1)
			f.Release()
			continue
		}
		var err error
		chunks, err = encode(w, &f, chunks)
		clear(chunks)
		f.Release()
		if err == nil && len(p.queue) == 0 {
			err = w.Flush()
		}
		if err != nil {
			p.dev.DropTx(1)
			p.fail(err)
		}
	}
}
