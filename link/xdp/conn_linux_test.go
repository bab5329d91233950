package xdp

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/nettest"
	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/stack"
)

// TestConn holds connections between a host on AF_XDP and the machine's kernel to what package net promises, whichever
// of the two asked for them.
func TestConn(t *testing.T) {
	tests := []struct {
		name   string
		queues int
		config Config
	}{
		{"driver", 1, Config{}},
		{"two queues", 2, Config{}},
		{"generic", 1, Config{Attach: AttachGeneric}},
		{"responder", 1, Config{Responder: true, Whole: true, Addresses: []netip.Addr{host4, host6}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := vethOf(t, 1500, tt.queues, tt.queues)
			f := newFar(t, b, "198.51.100.1/24", "2001:db8::1/64")
			f.command(t, "ethtool", "-K", b, "gro", "on")
			c := tt.config
			c.Interface = a
			d := open(t, c)
			h := newHost(t, d)
			var calls atomic.Int32
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				return connected(t, f, h, calls.Add(1)%2 == 0)
			})
			if s := d.QueueStats(); s[0].TxFrames == 0 {
				t.Errorf("nothing went over AF_XDP: %+v", s)
			}
		})
	}
}

// connected makes a connection that the host or the kernel asks for.
func connected(t testing.TB, f *far, h *stack.Host, kernelAsks bool) (c1, c2 net.Conn, stop func(), err error) {
	var l net.Listener
	listen, dial := func() { l, err = net.Listen("tcp", "198.51.100.1:0") }, func() { c1, err = h.DialContext(t.Context(), "tcp", l.Addr().String()) }
	if kernelAsks {
		listen, dial = func() { l, err = h.Listen("tcp", "198.51.100.2:0") }, func() { c1, err = net.Dial("tcp", l.Addr().String()) }
		listen()
	} else {
		f.do(listen)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	defer l.Close()
	if kernelAsks {
		f.do(dial)
	} else {
		dial()
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if c2, err = l.Accept(); err != nil {
		c1.Close()
		return nil, nil, nil, err
	}
	return c1, c2, func() { c1.Close(); c2.Close() }, nil
}

// flooded has the peer write frames to the device and the device write to the peer, until stop, while a reader reads; ended
// gives the reader's error.
func flooded(t *testing.T, d *Device, peer link.Device) (ended <-chan error, stop func()) {
	t.Helper()
	errs, quit, got := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		f := make([]link.Frame, 32)
		for first := true; ; first = false {
			n, err := d.Queues()[0].ReadFrames(f)
			if err != nil {
				errs <- err
				return
			}
			link.ReleaseAll(f[:n])
			if first {
				close(got)
			}
		}
	}()
	done := make(chan struct{}, 2)
	for _, dev := range []link.Device{d, peer} {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-quit:
					return
				default:
					write(dev, 32)
				}
			}
		}()
	}
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Error("no traffic")
	}
	return errs, func() { close(quit); <-done; <-done }
}

// TestCloseUnderLoad closes a device that is read and written: all come back, and the interface is clean.
func TestCloseUnderLoad(t *testing.T) {
	for _, attach := range []Attach{AttachDriver, AttachGeneric} {
		t.Run(fmt.Sprint(Mode{Driver: attach == AttachDriver}), func(t *testing.T) {
			a, b := veth(t, 1500, 1)
			peer := openPacket(t, b)
			for range 5 {
				d := open(t, Config{Interface: a, All: true, Attach: attach})
				ended, stop := flooded(t, d, peer)
				if err := d.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				stop()
				if err := <-ended; err != net.ErrClosed {
					t.Errorf("the reader ended with %v", err)
				}
				if write(d, 1) != 0 || isAttached(t, a) {
					t.Error("Close left something")
				}
			}
		})
	}
}

// TestRemovedUnderLoad has the interface go away from under a device that is read and written.
func TestRemovedUnderLoad(t *testing.T) {
	for _, attach := range []Attach{AttachDriver, AttachGeneric} {
		t.Run(fmt.Sprint(Mode{Driver: attach == AttachDriver}), func(t *testing.T) {
			a, b := veth(t, 1500, 1)
			d := open(t, Config{Interface: a, All: true, Attach: attach, Responder: true})
			ended, stop := flooded(t, d, openPacket(t, b))
			defer stop()
			l, err := netlink.LinkByName(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := netlink.LinkDel(l); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err == net.ErrClosed || !strings.Contains(err.Error(), a+" is gone") {
					t.Errorf("the reader ended with %v, want that %s is gone", err, a)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the reader hears nothing of the end")
			}
			if d.Info().Up {
				t.Error("carrier on a device that is gone")
			}
			if err := d.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestSuperFrames has the peer send a frame that nobody cuts, as a kernel with segmentation offload does: it is lost and
// counted, and the next one arrives.
func TestSuperFrames(t *testing.T) {
	a, b := veth(t, 1500, 1)
	ethtoolSet(t, b, "tx", "on", "sg", "on", "tso", "on", "gso", "on")
	out, err := packet.Open(packet.Config{Interface: b})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d := open(t, Config{Interface: a, Addr: ours, Attach: AttachGeneric})
	taken, last := frames(d), experiment(ours, 7)
	for _, f := range []link.Frame{superFrame(32 << 10), link.NewFrame(last)} {
		if out.Queues()[0].WriteFrames([]link.Frame{f}) != 1 {
			t.Fatal("not sent")
		}
	}
	expect(t, "the device", taken, last)
	if s := d.Stats(); s.RxDropped != 1 || s.RxFrames != 1 {
		t.Errorf("%+v, want one frame read and one lost; queue %+v", s, d.QueueStats()[0])
	}
}

// superFrame is TCP over IPv4 with n octets, to be cut.
func superFrame(n int) link.Frame {
	p := ip4(0, 64, 0x4000, asker4, host4, make([]byte, 20+n))
	p[9], p[10], p[11] = 6, 0, 0
	binary.BigEndian.PutUint16(p[10:], sum(p[:20]))
	p[20+12], p[20+13] = 5<<4, 0x10
	f := link.NewFrame(frame(ours, asker, 0x0800, p))
	f.NeedsChecksum, f.CsumStart, f.CsumOffset = true, ipv4End, 16
	f.GSO, f.GSOSize = link.GSOTCPv4, 1448
	return f
}
