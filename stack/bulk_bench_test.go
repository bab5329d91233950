package stack

import (
	"bytes"
	"io"
	"net/netip"
	"runtime"
	"testing"

	"tapestry/link"
	"tapestry/link/pipe"
)

// bulkBlock is what one call of Write, ReadFrom or Read moves.
const bulkBlock = 256 << 10

// BenchmarkBulk moves data between two hosts over a cable, the ways that an application has to send and to receive. Beside
// the throughput it tells how long frames are, how many come back, and what the garbage collector gets.
func BenchmarkBulk(b *testing.B) {
	drain := func(c *TCPConn) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, bulkBlock))
		return err
	}
	block := make([]byte, bulkBlock)
	write := func(c *TCPConn) error { _, err := c.Write(block); return err }
	for _, w := range []struct {
		name    string
		o       link.Offload
		send    func(c *TCPConn) error
		receive func(c *TCPConn) error
	}{
		{"write/read", pipe.AllOffloads, write, drain},
		{"write/writeto", pipe.AllOffloads, write, func(c *TCPConn) error { _, err := c.WriteTo(io.Discard); return err }},
		{"readfrom/read", pipe.AllOffloads, func(c *TCPConn) error { _, err := c.ReadFrom(bytes.NewReader(block)); return err }, drain},
		{"plain/write/read", 0, write, drain},
	} {
		b.Run(w.name, func(b *testing.B) { bulk(b, w.o, w.send, w.receive) })
	}
}

func bulk(b *testing.B, o link.Offload, send, receive func(c *TCPConn) error) {
	alpha, beta, near, _ := cabled(b, o)
	c, s := accepted(b, alpha, beta, "tcp", netip.AddrPortFrom(peer4, 0).String())
	done := make(chan error, 1)
	go func() { done <- receive(s.(*TCPConn)) }() // ends with the stream
	b.SetBytes(bulkBlock)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first := near.Stats()
	for b.Loop() {
		if err := send(c.(*TCPConn)); err != nil {
			b.Fatal(err)
		}
	}
	c.(*TCPConn).CloseWrite()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	last, mib := near.Stats(), float64(b.N)*bulkBlock/(1<<20)
	b.ReportMetric(float64(last.TxBytes-first.TxBytes)/float64(last.TxFrames-first.TxFrames), "octets/frame")
	b.ReportMetric(float64(last.RxFrames-first.RxFrames)/mib, "acks/MiB")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/mib, "allocs/MiB")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/mib, "B/MiB")
	b.ReportMetric(float64(after.NumGC-before.NumGC)/mib*1024, "GCs/GiB")
	s.Close()
	c.Close()
}
