package simple

import (
	"io"
	"sync"
)

const (
	smallSize = 2 << 10
	largeSize = 256 << 10
)

var largeBuffers = sync.Pool{New: func() any { return new([largeSize]byte) }}

// Buffer reads a stream. While little comes it needs little memory, so that thousands of quiet sessions cost nothing;
// once a read fills it, it takes a large buffer from a pool, until a read brings little again.
type Buffer struct {
	small [smallSize]byte
	large *[largeSize]byte // nil while little comes
}

// Read gives what one read brought; it is valid until the next call.
func (b *Buffer) Read(r io.Reader) ([]byte, error) {
	buf := b.small[:]
	if b.large != nil {
		buf = b.large[:]
	}
	n, err := r.Read(buf)
	switch {
	case b.large == nil && n == smallSize:
		b.large = largeBuffers.Get().(*[largeSize]byte)
		copy(b.large[:], buf[:n])
		buf = b.large[:]
	case b.large != nil && n <= smallSize:
		copy(b.small[:], buf[:n])
		b.Release()
		buf = b.small[:]
	}
	return buf[:n], err
}

// Release gives the large buffer back; the Buffer can be used again.
func (b *Buffer) Release() {
	if b.large != nil {
		largeBuffers.Put(b.large)
		b.large = nil
	}
}
