package stack

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"tapestry/link"
	"tapestry/link/pipe"
)

// icmpError4 is an ICMPv4 error about the packet that quoted starts with.
func icmpError4(typ, code uint8, mtu uint16, quoted []byte) []byte {
	b := append([]byte{typ, code, 0, 0, 0, 0, byte(mtu >> 8), byte(mtu)}, quoted...)
	binary.BigEndian.PutUint16(b[2:], ^checksum.Checksum(b, 0))
	return ip4(peer4, host4, 1, b, 0, false)
}

func icmpError6(typ, code uint8, mtu uint32, quoted []byte) []byte {
	b := append([]byte{typ, code, 0, 0, 0, 0, 0, 0}, quoted...)
	binary.BigEndian.PutUint32(b[4:], mtu)
	sum := header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toAddress(peer6), toAddress(host6), uint16(len(b)))
	binary.BigEndian.PutUint16(b[2:], ^checksum.Checksum(b, sum))
	return ip6(peer6, host6, 58, b)
}

// twoHosts connects two hosts by a cable whose frames the test sees and adds to.
type wiretap struct {
	client, server *Host
	toClient       func([]byte)
	seen           chan []byte // frames of the client
	mute           atomic.Bool // the server's frames are lost
}

func newWiretap(t *testing.T) *wiretap {
	t.Helper()
	ca, cb := pipe.New(pipe.Config{Names: [2]string{"eth0", "wire0"}})
	sa, sb := pipe.New(pipe.Config{Names: [2]string{"eth0", "wire1"}})
	w := &wiretap{seen: make(chan []byte, 65536)}
	w.client = newTestHost(t, ca, InterfaceConfig{Addr: hostMAC, Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64)}})
	w.server = newTestHost(t, sa, InterfaceConfig{Addr: peerMAC, Addresses: []netip.Prefix{netip.PrefixFrom(peer4, 24), netip.PrefixFrom(peer6, 64)}})
	w.toClient = func(b []byte) { cb.WriteFrames([]link.Frame{link.NewFrame(b)}) }
	ended := make(chan struct{}, 2)
	forward := func(from, to *pipe.End, watch bool) { // ends when the cable's end is closed
		defer func() { ended <- struct{}{} }()
		var f [64]link.Frame
		for {
			n, err := from.ReadFrames(f[:])
			if err != nil {
				return
			}
			for i := range f[:n] {
				if watch {
					select {
					case w.seen <- f[i].AppendTo(nil):
					default:
					}
				}
			}
			if !watch && w.mute.Load() {
				link.ReleaseAll(f[:n])
				continue
			}
			to.WriteFrames(f[:n])
		}
	}
	go forward(cb, sb, true)
	go forward(sb, cb, false)
	t.Cleanup(func() {
		cb.Close()
		sb.Close()
		<-ended
		<-ended
	})
	return w
}

func newTestHost(t *testing.T, dev link.Device, c InterfaceConfig) *Host {
	t.Helper()
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if _, err := h.AddInterface(dev, c); err != nil {
		t.Fatal(err)
	}
	return h
}

// connect gives the client's end of a connection to a listener of the server that nobody accepts from.
func (w *wiretap) connect(t *testing.T, addr netip.Addr) net.Conn {
	t.Helper()
	l, err := w.server.Listen("tcp", netip.AddrPortFrom(addr, 9).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := w.client.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// maxSegment writes data over a fresh connection and returns the largest TCP payload that crossed the wire, with the
// packet of one such segment. Between, the errors are sent to the client; they get a recent segment of its.
func maxSegment(t *testing.T, w *wiretap, addr netip.Addr, errors func(segment []byte) [][]byte) int {
	t.Helper()
	l, err := w.server.Listen("tcp", netip.AddrPortFrom(addr, 9).String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	c, err := w.client.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	writeZeros(t, c, 100_000)
	seg := w.largest(t)
	for _, e := range errors(seg) {
		w.toClient(e)
	}
	deadline := time.Now().Add(5 * time.Second)
	for errorsSeen(w.client) < uint64(len(errors(seg))) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	writeZeros(t, c, 300_000)
	return tcpPayload(w.largest(t))
}

// errorsSeen counts the ICMP errors that reached the client, accepted or not.
func errorsSeen(h *Host) (n uint64) {
	for _, s := range h.Stats() {
		switch s.Name {
		case "icmp.drop.sequence", "icmp.drop.mtu", "icmp.drop.fragment", "icmpInDestUnreachs", "icmp6InPktTooBigs":
			n += s.Value
		}
	}
	return n
}

func writeZeros(t *testing.T, c net.Conn, n int) {
	t.Helper()
	c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// largest takes what is seen until the wire is quiet, and returns the last of the packets with the most TCP payload.
func (w *wiretap) largest(t *testing.T) []byte {
	t.Helper()
	var most []byte
	wait := receiveTime
	for {
		select {
		case b := <-w.seen:
			if tcpPayload(b) > 0 && tcpPayload(b) >= tcpPayload(most) {
				most, wait = b, 100*time.Millisecond
			}
		case <-time.After(wait):
			if most == nil {
				t.Fatal("no segment with data crossed the wire")
			}
			return most
		}
	}
}

// tcpPayload is the number of data octets of a segment, 0 for all other frames.
func tcpPayload(b []byte) int {
	switch {
	case len(b) > 54 && b[12] == 8 && b[13] == 0 && b[23] == 6:
		return int(binary.BigEndian.Uint16(b[16:])) - 20 - int(b[46]>>4)*4
	case len(b) > 74 && b[12] == 0x86 && b[20] == 6:
		return int(binary.BigEndian.Uint16(b[18:])) - int(b[66]>>4)*4
	}
	return 0
}

func TestForgedICMP(t *testing.T) {
	forge := func(seg []byte, seqAt int, delta uint32) []byte {
		q := append([]byte{}, seg[14:]...)
		q = q[:min(len(q), 128)]
		binary.BigEndian.PutUint32(q[seqAt:], binary.BigEndian.Uint32(q[seqAt:])+delta)
		return q
	}
	for _, tt := range []struct {
		name    string
		addr    netip.Addr
		errors  func(seg []byte) [][]byte
		counter string
	}{
		{"v4 MTU 0, sequence far ahead", peer4, func(seg []byte) [][]byte {
			return [][]byte{icmpError4(3, 4, 0, forge(seg, 24, 1<<30))}
		}, "icmp.drop.mtu"},
		{"v4 MTU 68, sequence far ahead", peer4, func(seg []byte) [][]byte {
			return [][]byte{icmpError4(3, 4, 68, forge(seg, 24, 1<<30))}
		}, "icmp.drop.sequence"},
		{"v4 MTU 68, sequence far behind", peer4, func(seg []byte) [][]byte {
			return [][]byte{icmpError4(3, 4, 68, forge(seg, 24, 1<<31))}
		}, "icmp.drop.sequence"},
		{"v4 MTU 0 for a segment that was acknowledged", peer4, func(seg []byte) [][]byte {
			return [][]byte{icmpError4(3, 4, 0, forge(seg, 24, 0))}
		}, "icmp.drop.mtu"},
		{"v4 another connection", peer4, func(seg []byte) [][]byte {
			q := forge(seg, 24, 0)
			q[20]++
			return [][]byte{icmpError4(3, 4, 600, q)}
		}, "icmp.drop.sequence"},
		{"v4 in fragments", peer4, func(seg []byte) [][]byte {
			b := icmpError4(3, 4, 68, forge(seg, 24, 0))
			p := b[14+20:]
			return [][]byte{ip4(peer4, host4, 1, p[:32], 0, true), ip4(peer4, host4, 1, p[32:], 32, false)}
		}, "icmp.drop.fragment"},
		{"v6 MTU 1280, sequence far ahead", peer6, func(seg []byte) [][]byte {
			return [][]byte{icmpError6(2, 0, 1280, forge(seg, 44, 1<<30))}
		}, "icmp.drop.sequence"},
		{"v6 MTU 68", peer6, func(seg []byte) [][]byte {
			return [][]byte{icmpError6(2, 0, 68, forge(seg, 44, 0))}
		}, "icmp.drop.mtu"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWiretap(t)
			got := maxSegment(t, w, tt.addr, tt.errors)
			if got < 1400 {
				t.Errorf("segments carry %d octets after the forged message, want 1400 or more", got)
			}
			for _, s := range w.client.Stats() {
				if s.Name == tt.counter && s.Value == 0 {
					t.Errorf("%s = 0, want a drop counted there", tt.counter)
				}
			}
		})
	}
}

// A message about a segment in flight is believed: what is sent again fits the MTU.
func TestGenuineICMP(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr netip.Addr
		mtu  int
		make func(quoted []byte) []byte
	}{
		{"v4", peer4, 600, func(q []byte) []byte { return icmpError4(3, 4, 600, q) }},
		{"v6", peer6, 1280, func(q []byte) []byte { return icmpError6(2, 0, 1280, q) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWiretap(t)
			c := w.connect(t, tt.addr)
			w.mute.Store(true)
			writeZeros(t, c, 10_000)
			seg := w.largest(t)
			w.toClient(tt.make(seg[14:min(len(seg), 140)]))
			deadline := time.After(5 * time.Second)
			for {
				select {
				case b := <-w.seen:
					if n := tcpPayload(b); n > 0 && len(b)-14 <= tt.mtu && n > tt.mtu/2 {
						return
					}
				case <-deadline:
					t.Fatalf("no segment within the MTU of %d was sent", tt.mtu)
				}
			}
		})
	}
}
