package stack

import (
	"net/netip"
	"testing"

	"tapestry/link"
)

// nullDevice is a device that releases what is written to it.
type nullDevice struct{ *keeper }

func (d nullDevice) Queues() []link.Queue { return []link.Queue{nullQueue{d.keeper}} }

type nullQueue struct{ d *keeper }

func (q nullQueue) ReadFrames(f []link.Frame) (int, error) { return keeperQueue(q).ReadFrames(f) }

func (nullQueue) WriteFrames(fs []link.Frame) int {
	link.ReleaseAll(fs)
	return len(fs)
}

// costCases are what runs to completion without allocating.
var costCases = []struct {
	name string
	ask  ask
}{
	{"UDP/IPv4", ask{peer4, host4, 999, portEcho, make([]byte, 64)}},
	{"UDP/IPv6", ask{peer6, host6, 999, portEcho, make([]byte, 64)}},
	{"UDP/IPv4/1400", ask{peer4, host4, 999, portEcho, make([]byte, 1400)}},
	{"UDP/link-local", ask{link6, ownLink6, 999, portEcho, make([]byte, 64)}},
	{"ICMP/IPv4", ask{peer4, host4, 0, 0, make([]byte, 56)}},
	{"ICMP/IPv6", ask{peer6, host6, 0, 0, make([]byte, 56)}},
}

// costHost is a host on a null device and the receiver of its queue.
func costHost(t testing.TB, without bool) (*Host, *receiver) {
	t.Helper()
	h, err := New(Config{NoShortcut: without})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	i, err := h.AddInterface(nullDevice{newKeeper(1, link.OffloadChecksum|link.OffloadUSO)}, InterfaceConfig{
		NoSLAAC:   true,
		Addresses: []netip.Prefix{netip.PrefixFrom(host4, 24), netip.PrefixFrom(host6, 64), mustPrefix("fe80::2/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []netip.Addr{peer4, peer6, link6} {
		if err := h.AddNeighbor(Neighbor{Addr: p, Link: peerMAC, Interface: "eth0"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Inline("udp", ":7", echo); err != nil {
		t.Fatal(err)
	}
	return h, &receiver{nic: i.nic, queue: i.nic.queues[0]}
}

func TestShortcutDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	for _, c := range costCases {
		t.Run(c.name, func(t *testing.T) {
			h, r := costHost(t, false)
			b, f := c.ask.frame(), make([]link.Frame, 1) // as a reader has them
			if n := testing.AllocsPerRun(1000, func() {
				f[0] = inChunks(b, 128)
				r.receive(&f[0])
				r.flush()
			}); n != 0 {
				t.Errorf("%v allocations a datagram", n)
			}
			if n := statOf(t, h, "shortcut.out"); n < 1000 {
				t.Errorf("%d answers by the shortcut", n)
			}
		})
	}
	t.Run("super-frame", func(t *testing.T) {
		_, r := costHost(t, false)
		one, f := udpSuperFrame(ask{peer4, host4, 999, portEcho, make([]byte, 40*1400)}, 1400), make([]link.Frame, 1)
		if n := testing.AllocsPerRun(100, func() {
			f[0] = one.Clone()
			r.receive(&f[0])
			r.flush()
		}); n != 0 {
			t.Errorf("%v allocations a super-frame", n)
		}
	})
}

// BenchmarkShortcut compares the engine ("without") and the shortcut ("with") for one packet in and one out, over a
// device that costs nothing.
func BenchmarkShortcut(b *testing.B) {
	for _, c := range costCases {
		for _, without := range []bool{true, false} {
			name := c.name + "/with"
			if without {
				name += "out"
			}
			b.Run(name, func(b *testing.B) {
				_, r := costHost(b, without)
				in, f := c.ask.frame(), make([]link.Frame, 1)
				b.ReportAllocs()
				for b.Loop() {
					f[0] = inChunks(in, 128)
					r.receive(&f[0])
					r.flush()
				}
			})
		}
	}
}

// BenchmarkShortcutBatch is BenchmarkShortcut for batches of 32, by the datagram.
func BenchmarkShortcutBatch(b *testing.B) {
	for _, without := range []bool{true, false} {
		name := map[bool]string{true: "without", false: "with"}[without]
		b.Run(name, func(b *testing.B) {
			_, r := costHost(b, without)
			in, f := costCases[0].ask.frame(), make([]link.Frame, 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f[0] = inChunks(in, 128)
				r.receive(&f[0])
				if i%32 == 31 {
					r.flush()
				}
			}
		})
	}
}

// BenchmarkShortcutSuperFrame answers 40 datagrams of 1400 octets that come in one super-frame.
func BenchmarkShortcutSuperFrame(b *testing.B) {
	for _, without := range []bool{true, false} {
		name := map[bool]string{true: "without", false: "with"}[without]
		b.Run(name, func(b *testing.B) {
			_, r := costHost(b, without)
			one, f := udpSuperFrame(ask{peer4, host4, 999, portEcho, make([]byte, 40*1400)}, 1400), make([]link.Frame, 1)
			b.ReportAllocs()
			b.SetBytes(40 * 1400)
			for b.Loop() {
				f[0] = one.Clone()
				r.receive(&f[0])
				r.flush()
			}
		})
	}
}
