package tap

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"tapestry/stack"
)

// BenchmarkHost has the kernel send TCP to a host of ours, and receive from it.
func BenchmarkHost(b *testing.B) {
	for _, direction := range []string{"in", "out"} {
		for _, streams := range []int{1, 8} {
			b.Run(fmt.Sprint(direction, "/streams=", streams), func(b *testing.B) {
				eachQueues(b, func(b *testing.B, c Config) { bulk(b, c, direction == "in", streams) })
			})
		}
	}
}

// bulk moves b.N chunks over some connections.
func bulk(b *testing.B, c Config, in bool, streams int) {
	const chunk = 64 << 10
	l := hostListener(b, withKernel(b, c))
	var ends sync.WaitGroup
	cpu := cpuTime(b)
	b.SetBytes(chunk)
	b.ResetTimer()
	for i := range streams {
		from, err := net.DialTimeout("tcp", netip.AddrPortFrom(station4, 9).String(), patience)
		if err != nil {
			b.Fatal(err)
		}
		to, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		if !in {
			from, to = to, from
		}
		ends.Go(func() {
			defer from.Close()
			for msg := make([]byte, chunk); i < b.N; i += streams {
				if _, err := from.Write(msg); err != nil {
					b.Error(err)
				}
			}
		})
		ends.Go(func() {
			defer to.Close()
			for msg := make([]byte, chunk); ; {
				if _, err := to.Read(msg); err == io.EOF {
					return
				} else if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	ends.Wait()
	b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "cpu-ns/op")
}

// hostListener gives a host of ours the device, and listens.
func hostListener(b *testing.B, d *Device) net.Listener {
	h, err := stack.New(stack.Config{Name: "station"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close() })
	if _, err := h.AddInterface(d, stack.InterfaceConfig{Addresses: []netip.Prefix{netip.PrefixFrom(station4, 24)}}); err != nil {
		b.Fatal(err)
	}
	l, err := h.Listen("tcp", ":9")
	if err != nil {
		b.Fatal(err)
	}
	return l
}
