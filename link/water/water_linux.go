package water

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/internal/wire"
)

// Device is a plain TAP device: a [link.Device] with one queue, which is the Device itself.
type Device struct {
	link.Counters
	info    link.Info
	file    *os.File
	closed  atomic.Bool
	gone    chan struct{} // closed when the device is closed or has been removed
	goneSet sync.Once
	buf     []byte    // the reader's
	out     sync.Pool // of *[]byte, what a frame is put together in
}

// maxNameLen is the longest name of an interface (IFNAMSIZ without the final zero).
const maxNameLen = 15

// Open makes a TAP device in the network namespace of the calling thread.
func Open(c Config) (*Device, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	w, err := water.New(water.Config{
		DeviceType:             water.TAP,
		PlatformSpecificParams: water.PlatformSpecificParams{Name: c.Name},
	})
	if err != nil {
		return nil, explain(err)
	}
	d, err := newDevice(w, c)
	if err != nil {
		w.Close()
	}
	return d, err
}

func (c Config) check() error {
	if len(c.Name) > maxNameLen {
		return fmt.Errorf("water: name %q has %d octets, an interface has at most %d", c.Name, len(c.Name), maxNameLen)
	}
	if c.Addr.IsMulticast() {
		return fmt.Errorf("water: %v is a group address, no station's", c.Addr)
	}
	if _, err := net.InterfaceByName(c.Name); c.Name != "" && err == nil {
		return fmt.Errorf("water: an interface %s exists already: choose another name: %w", c.Name, unix.EEXIST)
	}
	return nil
}

// explain adds the remedy.
func explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("water: this user may not make a TAP device: it takes access to /dev/net/tun and CAP_NET_ADMIN in the network namespace: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("water: /dev/net/tun is missing: load the driver with `modprobe tun`: %w", err)
	}
	return fmt.Errorf("water: %w", err)
}

func newDevice(w *water.Interface, c Config) (*Device, error) {
	file, ok := w.ReadWriteCloser.(*os.File)
	if !ok {
		return nil, fmt.Errorf("water: the library gave a %T, not a file", w.ReadWriteCloser)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("water: %w", err)
	}
	if err := raw.Control(func(fd uintptr) { unix.CloseOnExec(int(fd)) }); err != nil {
		return nil, fmt.Errorf("water: %w", err)
	}
	ifi, err := net.InterfaceByName(w.Name())
	if err != nil {
		return nil, fmt.Errorf("water: %s: %w", w.Name(), err)
	}
	if c.Addr.IsZero() {
		rand.Read(c.Addr[:])
		c.Addr[0] = c.Addr[0]&^1 | 2 // IEEE 802 §8.4: an individual address, locally administered
	}
	d := &Device{file: file, gone: make(chan struct{}), buf: make([]byte, ifi.MTU+ethernet.HeaderLen+ethernet.TagLen+1)}
	d.info = link.Info{Name: w.Name(), Addr: c.Addr, MTU: ifi.MTU, Up: true, Changed: d.gone}
	d.out.New = func() any { return new([]byte) }
	return d, nil
}

// Info implements [link.Device].
func (d *Device) Info() link.Info { return wire.Now(d.info, d.gone) }

// Queues implements [link.Device].
func (d *Device) Queues() []link.Queue { return []link.Queue{d} }

// Close implements [link.Device]. The interface is removed.
func (d *Device) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.setGone()
	return d.file.Close()
}

func (d *Device) setGone() { d.goneSet.Do(func() { close(d.gone) }) }

// ReadFrames implements [link.Queue]. It gives one frame.
func (d *Device) ReadFrames(f []link.Frame) (int, error) {
	if len(f) == 0 {
		return 0, nil
	}
	for {
		n, err := d.file.Read(d.buf)
		if err != nil {
			return 0, d.fail(err)
		}
		frame := link.NewFrame(d.buf[:n])
		if n == len(d.buf) || !wire.Carries(d.info.MTU, &frame) { // longer than the buffer: cut off
			d.DropRx(1)
			frame.Release()
			continue
		}
		f[0] = frame
		d.CountRx(f[:1])
		return 1, nil
	}
}

func (d *Device) fail(err error) error {
	if d.closed.Load() || errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	d.setGone()
	return fmt.Errorf("%s is gone: it was removed or detached while in use: %w", d.info.Name, err)
}

// WriteFrames implements [link.Queue].
func (d *Device) WriteFrames(f []link.Frame) int {
	buf := d.out.Get().(*[]byte)
	defer d.out.Put(buf)
	left := 0
	for i := range f {
		if d.write(f[i], buf) {
			left++
		} else {
			d.DropTx(1)
		}
		f[i] = link.Frame{}
	}
	return left
}

// write owns f. It finishes in software all that f leaves to be done.
func (d *Device) write(f link.Frame, buf *[]byte) bool {
	if d.closed.Load() || !wire.Carries(d.info.MTU, &f) {
		f.Release()
		return false
	}
	if wire.IsReady(&f, 0) {
		defer f.Release()
		return d.writeOne(&f, buf)
	}
	parts, err := link.Fit(nil, f, 0)
	defer link.ReleaseAll(parts)
	ok := err == nil
	for i := range parts {
		ok = ok && d.writeOne(&parts[i], buf)
	}
	return ok
}

// writeOne puts a frame together and writes it. A TAP always takes a frame at once, or fails.
func (d *Device) writeOne(f *link.Frame, buf *[]byte) bool {
	if !wire.Carries(d.info.MTU, f) {
		return false
	}
	*buf = f.AppendTo((*buf)[:0])
	if _, err := d.file.Write(*buf); err != nil {
		return false
	}
	d.AddTx(1, uint64(len(*buf)), 0)
	return true
}
