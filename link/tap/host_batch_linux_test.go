package tap

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/stack"
)

// batchHost has a host of ours at the station's addresses and gives a UDP socket of it.
func batchHost(t testing.TB, d *Device) *stack.UDPConn {
	t.Helper()
	h, err := stack.New(stack.Config{Name: "station"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	addrs := []netip.Prefix{netip.PrefixFrom(station4, 24), netip.PrefixFrom(station6, 64)}
	if _, err := h.AddInterface(d, stack.InterfaceConfig{Addresses: addrs}); err != nil {
		t.Fatal(err)
	}
	c, err := h.ListenPacket("udp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	u := c.(*stack.UDPConn)
	u.SetReadBuffer(4 << 20)
	u.SetReadDeadline(time.Now().Add(patience))
	return u
}

// eachBatch runs a test on every kind of device with every kind of super-frame, between the kernel and a socket of ours.
func eachBatch(t *testing.T, run func(t *testing.T, d *Device, c *stack.UDPConn, station netip.Addr, payload []byte, size int)) {
	for _, config := range usoConfigs {
		t.Run(config.name, func(t *testing.T) {
			d := withKernel(t, config.config)
			c := batchHost(t, d)
			for _, station := range []netip.Addr{station4, station6} {
				for _, s := range usoSizes {
					t.Run(fmt.Sprint(station, " ", s.payload, " in ", s.size), func(t *testing.T) {
						run(t, d, c, station, pattern(s.payload), s.size)
					})
				}
			}
		})
	}
}

// cuts reports whether datagrams of this size go over a device as they are.
func cuts(d *Device, size int) bool { return size+48 <= d.Info().MTU }

// TestReadBatch has the kernel send with UDP_SEGMENT to a socket that reads batches.
func TestReadBatch(t *testing.T) {
	eachBatch(t, func(t *testing.T, d *Device, c *stack.UDPConn, station netip.Addr, payload []byte, size int) {
		k := kernelUDP(t, station, 9)
		c.SetCoalescing(true)
		ms := []stack.Datagram{{Data: make([]byte, 1<<16)}, {Data: make([]byte, 1<<16)}}
		k.Write([]byte("open"))
		if n, err := c.ReadBatch(ms); n != 1 || err != nil || string(ms[0].Data[:ms[0].N]) != "open" {
			t.Fatal(n, err)
		}
		setsockopt(t, k, unix.UDP_SEGMENT, size)
		before := d.Stats().RxGSO
		if _, err := k.Write(payload); err == unix.EIO {
			t.Skip("before Linux 6.11 UDP_SEGMENT needs a device with checksum offload")
		} else if err != nil {
			t.Fatal(err)
		}
		reads := 0
		for rest := payload; len(rest) > 0; {
			n, err := c.ReadBatch(ms)
			if err != nil {
				t.Fatalf("%v, with %d octets to come", err, len(rest))
			}
			for _, m := range ms[:n] {
				if got := m.Data[:m.N]; !bytes.HasPrefix(rest, got) || m.SegmentSize == 0 && m.N != min(size, len(rest)) ||
					m.SegmentSize != 0 && m.SegmentSize != size {
					t.Fatalf("%d octets in datagrams of %d, want of %d, or they differ", m.N, m.SegmentSize, size)
				}
				rest = rest[m.N:]
				reads++
			}
		}
		if whole := d.Info().Rx.Has(link.OffloadUSO) && len(payload) > size; whole && (reads != 1 || d.Stats().RxGSO-before != 1) {
			t.Errorf("%d pieces, %d super-frames, want one", reads, d.Stats().RxGSO-before)
		}
	})
}

// TestWriteBatch has a socket write a batch to sockets of the kernel's, one with UDP_GRO and one without.
func TestWriteBatch(t *testing.T) {
	for _, gro := range []int{1, 0} {
		t.Run(fmt.Sprint("gro ", gro), func(t *testing.T) {
			eachBatch(t, func(t *testing.T, d *Device, c *stack.UDPConn, station netip.Addr, payload []byte, size int) {
				k := kernelUDP(t, station, 9)
				setsockopt(t, k, unix.UDP_GRO, gro)
				to := netip.MustParseAddrPort(k.LocalAddr().String())
				whole := d.Info().Tx.Has(link.OffloadUSO) && cuts(d, size)
				first := []stack.Datagram{{Data: []byte("neighbour"), Addr: to}}
				if _, err := c.WriteBatch(first); err != nil {
					t.Fatal(err)
				}
				collect(t, k, first[0].Data, 9, false)
				before := d.Stats().TxGSO
				cut := []stack.Datagram{{Data: payload, Addr: to, SegmentSize: size}}
				var each []stack.Datagram
				for rest := payload; len(rest) > 0; rest = rest[min(size, len(rest)):] {
					each = append(each, stack.Datagram{Data: rest[:min(size, len(rest))], Addr: to})
				}
				for _, ms := range [][]stack.Datagram{cut, each} {
					if n, err := c.WriteBatch(ms); n != len(ms) || err != nil {
						t.Fatalf("WriteBatch = %d, %v", n, err)
					}
					collect(t, k, payload, size, whole && gro == 1)
				}
				if n := d.Stats().TxGSO - before; whole != (n == 2) {
					t.Errorf("%d super-frames written, want two: %v", n, whole)
				}
			})
		})
	}
}
