package stack

import (
	"io"
	"sync"
)

// copyBuffers serve ReadFrom and WriteTo.
var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// ReadFrom sends all that r gives.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	b := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{c}, r, b[:])
}

// WriteTo writes all that is received to w.
func (c *TCPConn) WriteTo(w io.Writer) (int64, error) {
	b := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(w, struct{ io.Reader }{c}, b[:])
}
