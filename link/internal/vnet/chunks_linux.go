package vnet

import (
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
)

// Sizes of the chunks that one read is scattered over. The last is the longest that the pool keeps: one octet more,
// and each would be cleared memory of its own.
const (
	headChunk = 128
	midChunk  = 2048
	bigChunk  = buffer.MaxChunkSize
)

// MaxRead is the longest frame that can be read; a longer one is seen to be cut off.
const MaxRead = headChunk + midChunk + bigChunk - 1

var chunkSizes = [...]int{headChunk, midChunk, bigChunk}

// Chunks are the memory that the next frame is read into. The zero value is ready. It belongs to one goroutine.
type Chunks struct {
	// Gap is how many octets of the first chunk are kept free in front of the frame, below headChunk.
	Gap int
	// WithHeader says that a virtio-net header comes in front of the frame.
	WithHeader bool
	views      [len(chunkSizes)]*buffer.View
	header     [HeaderLen]byte
	iov        [1 + len(chunkSizes)]unix.Iovec
}

// Vector describes the memory for the system call.
func (c *Chunks) Vector() []unix.Iovec {
	for i, size := range chunkSizes {
		if c.views[i] == nil {
			c.views[i] = buffer.NewViewSize(size)
			b := c.views[i].AsSlice()
			if i == 0 {
				b = b[c.Gap:]
			}
			setIovec(&c.iov[1+i], b)
		}
	}
	if !c.WithHeader {
		return c.iov[1:]
	}
	setIovec(&c.iov[0], c.header[:])
	return c.iov[:]
}

func setIovec(v *unix.Iovec, b []byte) {
	v.Base = &b[0]
	v.SetLen(len(b))
}

// Header is what was read in front of the frame.
func (c *Chunks) Header() Header { return Header(c.header[:]) }

// Take gives the n octets that were read, behind the gap, and keeps the chunks that they did not reach.
func (c *Chunks) Take(n int) buffer.Buffer {
	n += c.Gap
	var b buffer.Buffer
	for i, size := range chunkSizes {
		if n <= 0 {
			break
		}
		part := buffer.MakeWithView(c.take(i, min(n, size)))
		if i == 0 {
			b = part
		} else {
			b.Merge(&part)
		}
		n -= size
	}
	return b
}

// take gives chunk i with its first n octets, or a copy if they fill no more than half of it.
func (c *Chunks) take(i, n int) *buffer.View {
	v := c.views[i]
	if i > 0 && n <= chunkSizes[i]/2 {
		small := buffer.NewView(n)
		small.Write(v.AsSlice()[:n])
		return small
	}
	c.views[i] = nil
	v.CapLength(n)
	return v
}

// Release gives the chunks back.
func (c *Chunks) Release() {
	for i, v := range c.views {
		if v != nil {
			v.Release()
			c.views[i] = nil
		}
	}
}

// Fill copies b into the chunks, as a system call would, and says how much fitted.
func (c *Chunks) Fill(b []byte) int {
	n := 0
	for _, v := range c.Vector() {
		n += copy(unsafe.Slice(v.Base, int(v.Len)), b[n:])
	}
	return n
}
