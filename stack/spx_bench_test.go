package stack

import (
	"io"
	"runtime"
	"testing"

	"tapestry/link/ethernet"
	"tapestry/link/pipe"
)

// BenchmarkSPXBulk moves data between two hosts over a cable, in frames of 1,500 octets.
func BenchmarkSPXBulk(b *testing.B) {
	alpha, beta, near, _ := cabled(b, pipe.AllOffloads)
	addIPX(b, alpha)
	addIPX(b, beta)
	c, s := spxPair(b, alpha, beta, ethernet.KindII)
	done := make(chan int64, 1)
	go func() { // ends with the stream
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{s}, make([]byte, bulkBlock))
		done <- n
	}()
	block := make([]byte, 64<<10)
	b.SetBytes(int64(len(block)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first := near.Stats()
	for b.Loop() {
		if _, err := c.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	if n := <-done; n != int64(b.N)*int64(len(block)) {
		b.Errorf("%d octets of %d arrived", n, int64(b.N)*int64(len(block)))
	}
	runtime.ReadMemStats(&after)
	last := near.Stats()
	out := float64(last.TxFrames - first.TxFrames)
	b.ReportMetric(float64(last.TxBytes-first.TxBytes)/out, "octets/frame")
	b.ReportMetric(float64(last.RxFrames-first.RxFrames)/out, "acks/frame")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/out, "allocs/frame")
	s.Close()
}
