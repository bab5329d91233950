package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"

	"tapestry/link"
)

// Device is a wire to a VM: a [link.Device] with one queue, which is the Device itself.
type Device struct {
	link.Counters
	cfg    Config
	log    *slog.Logger
	source source
	cancel context.CancelFunc // ends the keeper
	keeper sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when what follows changes
	peer    *peer         // nil without carrier
	err     error         // set: no peer will come any more
}

// source gives connections, one after the other.
type source interface {
	// next waits for the next connection. After an error there is none.
	next(ctx context.Context) (net.Conn, error)
	// close ends a call of next.
	close() error
}

// New makes a device of one connection, which it owns. When that ends, so does the device.
func New(conn net.Conn, c Config) (*Device, error) { return start(&single{conn: conn}, c) }

// Listen makes a device that serves one VM at a time out of a listener, which it owns.
func Listen(l net.Listener, c Config) (*Device, error) {
	return start(&server{l: l}, c)
}

// Dial makes a device that connects to a VM, and again whenever the connection ends or fails. The context given to dial
// ends with Close.
func Dial(dial func(context.Context) (net.Conn, error), c Config) (*Device, error) {
	return start(&client{dial: dial}, c)
}

func start(s source, c Config) (*Device, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &Device{cfg: c, log: c.Log, source: s, cancel: cancel, changed: make(chan struct{})}
	switch s := s.(type) {
	case *single:
		d.peer = newPeer(s.conn, d) // there is carrier from the start
	case *server:
		s.cfg = c
	case *client:
		s.cfg = c
	}
	d.keeper.Go(func() { d.keep(ctx) })
	return d, nil
}

// Info implements [link.Device].
func (d *Device) Info() link.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := link.Info{Name: d.cfg.Name, Addr: d.cfg.Addr, MTU: d.cfg.MTU, Up: d.peer != nil, Changed: d.changed}
	if d.err != nil {
		i.Changed = nil
	}
	return i
}

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device]. It returns when all goroutines have ended.
func (d *Device) Close() error {
	d.cancel()
	err := d.source.close()
	d.fail(net.ErrClosed)
	d.keeper.Wait()
	return err
}

// fail ends the device for good; the first reason counts, but Close is told as what it is.
func (d *Device) fail(err error) {
	d.mu.Lock()
	p := d.peer
	if d.err == nil || errors.Is(err, net.ErrClosed) {
		d.err = err
	}
	d.peer = nil
	d.signal()
	d.mu.Unlock()
	if p != nil {
		p.end()
	}
}

// signal tells that something has changed. d.mu is held.
func (d *Device) signal() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// keep has the device connected until there is no other connection to come.
func (d *Device) keep(ctx context.Context) {
	for {
		conn, err := d.source.next(ctx)
		if err != nil {
			d.fail(fmt.Errorf("qemu: %s has no peer any more: %w", d.cfg.Name, err))
			return
		}
		p := d.attach(conn)
		if p == nil {
			conn.Close()
			return
		}
		d.log.Info("carrier", "device", d.cfg.Name, "peer", conn.RemoteAddr())
		<-p.gone
		p.writing.Wait()
		d.detach(p)
		d.log.Info("no carrier", "device", d.cfg.Name, "reason", p.why())
	}
}

// attach makes conn the current connection, unless the device was closed.
func (d *Device) attach(conn net.Conn) *peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil
	}
	if d.peer == nil || d.peer.conn != conn {
		d.peer = newPeer(conn, d)
		d.signal()
	}
	return d.peer
}

func (d *Device) detach(p *peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peer == p {
		d.peer = nil
		d.signal()
	}
}

// current waits for a connection.
func (d *Device) current() (*peer, error) {
	for {
		d.mu.Lock()
		p, err, changed := d.peer, d.err, d.changed
		d.mu.Unlock()
		if err != nil || p != nil && !p.hasEnded() {
			return p, err
		}
		<-changed
	}
}

// ReadFrames implements [link.Queue]. Without carrier it waits for one.
func (d *Device) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	for {
		p, err := d.current()
		if err != nil {
			return 0, err
		}
		n, err := p.read(f)
		if n > 0 {
			d.CountRx(f[:n])
			return n, nil
		}
		p.fail(err)
	}
}

// WriteFrames implements [link.Queue].
func (d *Device) WriteFrames(f []link.Frame) int {
	d.mu.Lock()
	p := d.peer
	d.mu.Unlock()
	if p == nil {
		d.DropTx(len(f))
		link.ReleaseAll(f)
		return 0
	}
	left := 0
	for i := range f {
		if p.send(f[i]) {
			left++
		} else {
			d.DropTx(1)
		}
		f[i] = link.Frame{}
	}
	return left
}

// isEnd reports whether a connection ended as they do, and not by a fault.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) }
