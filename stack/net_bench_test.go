package stack

import (
	"io"
	"net/netip"
	"testing"

	"tapestry/link"
	"tapestry/link/pipe"
)

func BenchmarkTCPThroughput(b *testing.B) {
	for _, c := range []struct {
		name string
		o    link.Offload
		to   netip.Addr
	}{
		{"offload/ipv4", pipe.AllOffloads, peer4},
		{"offload/ipv6", pipe.AllOffloads, peer6},
		{"plain/ipv4", 0, peer4},
	} {
		b.Run(c.name, func(b *testing.B) {
			alpha, beta := pair(b, c.o)
			client, server := accepted(b, alpha, beta, "tcp", netip.AddrPortFrom(c.to, 0).String())
			defer client.Close()
			const chunk = 64 << 10
			received := make(chan int64, 1)
			go func() { // ends when the client closes
				n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{server}, make([]byte, 256<<10))
				server.Close()
				received <- n
			}()
			data := make([]byte, chunk)
			b.SetBytes(chunk)
			b.ReportAllocs()
			var sent int64
			for b.Loop() {
				n, err := client.Write(data)
				if err != nil {
					b.Fatal(err)
				}
				sent += int64(n)
			}
			client.Close()
			if n := <-received; n != sent {
				b.Errorf("received %d of %d octets", n, sent)
			}
		})
	}
}

func BenchmarkTCPRoundTrip(b *testing.B) {
	alpha, beta := pair(b, pipe.AllOffloads)
	client, server := accepted(b, alpha, beta, "tcp", "198.51.100.1:0")
	defer client.Close()
	go func() { // ends when the client closes
		defer server.Close()
		buf := make([]byte, 100)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			server.Write(buf[:n])
		}
	}()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		client.Write(buf)
		if _, err := io.ReadFull(client, buf); err != nil {
			b.Fatal(err)
		}
	}
}
