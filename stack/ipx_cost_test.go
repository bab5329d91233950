package stack

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/stack/ipx"
)

const ipxEcho = 0x4007 // the socket of the inline handler

// ipxCases are datagrams to an inline handler that answers each with itself.
var ipxCases = []struct {
	name string
	kind ethernet.Kind
	size int // octets of data
}{
	{"ethernet-ii", ethernet.KindII, 64},
	{"802.3", ethernet.KindRaw, 64},
	{"802.2", ethernet.KindLLC, 64},
	{"802.2/odd", ethernet.KindLLC, 65},
	{"snap", ethernet.KindSNAP, 64},
	{"ethernet-ii/1400", ethernet.KindII, 1400},
}

// ipxCostHost is costHost with IPX and an inline handler.
func ipxCostHost(t testing.TB) (*Host, *receiver) {
	t.Helper()
	h, r := costHost(t, false)
	addIPX(t, h)
	c, err := h.IPX().Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return h, r
}

// ipxAsk is a frame with a datagram from the peer to a socket of the host.
func ipxAsk(t testing.TB, r *receiver, k ethernet.Kind, to ipx.SocketNumber, data []byte) []byte {
	t.Helper()
	head, err := newIPXHead(k, peerMAC)
	if err != nil {
		t.Fatal(err)
	}
	own := ipx.NodeAddr(r.nic.addr)
	p := ipxwire.Fields{
		Type:        ipxwire.TypePEP,
		Destination: ipx.Addr{Net: ipxNetworks[k], Node: own, Socket: to},
		Source:      ipx.Addr{Net: ipxNetworks[k], Node: ipx.NodeAddr(peerMAC), Socket: 0x4fff},
	}.AppendTo(nil, len(data))
	f := head.frame(own, append(p, data...), 1500)
	defer f.Release()
	return f.AppendTo(nil)
}

func TestIPXDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("allocations cannot be counted under the race detector")
	}
	for _, c := range ipxCases {
		t.Run(c.name, func(t *testing.T) {
			h, r := ipxCostHost(t)
			b, f := ipxAsk(t, r, c.kind, ipxEcho, make([]byte, c.size)), make([]link.Frame, 1)
			if n := testing.AllocsPerRun(1000, func() {
				f[0] = inChunks(b, 128)
				r.receive(&f[0])
				r.flush()
			}); n != 0 {
				t.Errorf("%v allocations a datagram", n)
			}
			if n := statOf(t, h, "ipx.inline.replies"); n < 1000 {
				t.Errorf("%d answers", n)
			}
		})
	}
}

// BenchmarkIPXInline is one datagram in and its answer out, over a device that costs nothing; the first is UDP by the
// shortcut, to compare.
func BenchmarkIPXInline(b *testing.B) {
	for _, batch := range []int{1, 32} {
		name := map[int]string{1: "alone/", 32: "batch/"}[batch]
		b.Run(name+"UDP", func(b *testing.B) {
			_, r := costHost(b, false)
			benchmarkReceive(b, r, costCases[0].ask.frame(), batch)
		})
		for _, c := range ipxCases {
			b.Run(name+c.name, func(b *testing.B) {
				_, r := ipxCostHost(b)
				benchmarkReceive(b, r, ipxAsk(b, r, c.kind, ipxEcho, make([]byte, c.size)), batch)
			})
		}
	}
}

func benchmarkReceive(b *testing.B, r *receiver, in []byte, batch int) {
	f := make([]link.Frame, 1)
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		f[0] = inChunks(in, 128)
		r.receive(&f[0])
		if i%batch == 0 {
			r.flush()
		}
	}
	r.flush()
}

// BenchmarkIPXIdle is a datagram of UDP in and its answer out where the interface has IPX, too, and where it has none.
func BenchmarkIPXIdle(b *testing.B) {
	b.Run("off", func(b *testing.B) {
		_, r := costHost(b, false)
		benchmarkReceive(b, r, costCases[0].ask.frame(), 1)
	})
	b.Run("idle", func(b *testing.B) {
		_, r := ipxCostHost(b)
		benchmarkReceive(b, r, costCases[0].ask.frame(), 1)
	})
}

// BenchmarkIPXEcho is a round trip over a cable to an inline handler; BenchmarkInlineEcho is UDP's.
func BenchmarkIPXEcho(b *testing.B) {
	alpha, beta := ipxPair(b)
	c, err := beta.IPX().Inline(ipxEcho, func(reply, request []byte, _, _ ipx.Addr) []byte { return append(reply, request...) })
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p, err := alpha.ListenPacket("ipx", "")
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	conn, to := p.(*ipx.Conn), ipx.Addr{Net: ipxNetworks[0], Node: beta.ipxNode(b), Socket: ipxEcho}
	request, reply := make([]byte, 64), make([]byte, 1500)
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	b.ReportAllocs()
	for b.Loop() {
		conn.WriteToAddr(request, to)
		if _, _, err := conn.ReadFromAddr(reply); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIPXIdleTCP is a stream of TCP over a cable where the hosts have IPX, too, and where they have none.
func BenchmarkIPXIdleTCP(b *testing.B) {
	for _, idle := range []bool{false, true} {
		b.Run(map[bool]string{false: "off", true: "idle"}[idle], func(b *testing.B) {
			alpha, beta := pair(b, 0)
			if idle {
				addIPX(b, alpha)
				addIPX(b, beta)
			}
			c, s := accepted(b, alpha, beta, "tcp", netip.AddrPortFrom(peer4, 0).String())
			defer c.Close()
			go io.Copy(io.Discard, s) // ends with the connection
			block := make([]byte, 64<<10)
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if _, err := c.Write(block); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
