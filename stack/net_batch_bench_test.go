package stack

import (
	"fmt"
	"net/netip"
	"testing"

	"tapestry/link"
)

func BenchmarkWriteBatch(b *testing.B) {
	for _, size := range []int{64, 1400} {
		for _, w := range wires {
			ms := make([]Datagram, 64)
			for i := range ms {
				ms[i] = Datagram{Data: make([]byte, size), Addr: netip.AddrPortFrom(peer4, 9)}
			}
			b.Run(fmt.Sprint(size, "/", w.name, "/WriteBatch"), func(b *testing.B) {
				c, drain := toSink(b, w.o)
				b.ReportAllocs()
				for i := 0; i < b.N; i += len(ms) {
					c.WriteBatch(ms)
					drain()
				}
			})
			for _, first := range []bool{false, true} {
				b.Run(fmt.Sprint(size, "/", w.name, "/WriteTo, after a batch ", first), func(b *testing.B) {
					c, drain := toSink(b, w.o)
					if first {
						c.WriteBatch(ms[:1])
					}
					b.ReportAllocs()
					for i := 0; i < b.N; i += len(ms) {
						for j := range ms {
							c.WriteToUDPAddrPort(ms[j].Data, ms[j].Addr)
						}
						drain()
					}
				})
			}
		}
	}
}

func BenchmarkReadBatch(b *testing.B) {
	for _, size := range []int{64, 1400} {
		for _, o := range wires[:2] {
			for _, how := range []string{"ReadFrom", "ReadBatch", "ReadBatch coalescing"} {
				b.Run(fmt.Sprint(size, "/", o.name, "/", how), func(b *testing.B) { benchRead(b, o.o, size, how) })
			}
		}
	}
}

// benchRead has a host send 32 datagrams in a batch and another one read them, over and over.
func benchRead(b *testing.B, o link.Offload, size int, how string) {
	alpha, beta := pair(b, o)
	pc, err := beta.ListenPacket("udp4", ":0")
	if err != nil {
		b.Fatal(err)
	}
	server := pc.(*UDPConn)
	server.SetReadBuffer(4 << 20)
	pc, err = alpha.ListenPacket("udp4", ":0")
	if err != nil {
		b.Fatal(err)
	}
	client := pc.(*UDPConn)
	to := netip.AddrPortFrom(peer4, portOf(server))
	warm(b, client, to, server)
	const count = 32
	out := []Datagram{{Data: make([]byte, count*size), SegmentSize: size, Addr: to}}
	server.SetCoalescing(how == "ReadBatch coalescing")
	ms := room(count, 65536)
	b.ReportAllocs()
	for i := 0; i < b.N; i += count {
		client.WriteBatch(out)
		for left := count * size; left > 0; {
			if how == "ReadFrom" {
				n, _, err := server.ReadFromUDPAddrPort(ms[0].Data)
				if err != nil {
					b.Fatal(err)
				}
				left -= n
				continue
			}
			n, err := server.ReadBatch(ms)
			if err != nil {
				b.Fatal(err)
			}
			for _, m := range ms[:n] {
				left -= m.N
			}
		}
	}
}
