package qemu

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gvisor.dev/gvisor/pkg/buffer"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Lengths in octets.
const (
	prefixLen = 4
	maxLength = 4096 + 65536 // QEMU's NET_BUFSIZE
)

var errLength = errors.New("qemu: a frame's length exceeds 69632 octets: the peer does not speak this framing")

// decoder takes frames out of a byte stream.
type decoder struct {
	r    *bufio.Reader
	mtu  int
	skip func() // called for each frame that is too short or too long
}

func newDecoder(r io.Reader, mtu int, skip func()) *decoder {
	return &decoder{r: bufio.NewReaderSize(r, 64<<10), mtu: mtu, skip: skip}
}

// next gives the next frame. An error ends the stream: io.EOF between frames, io.ErrUnexpectedEOF inside of one.
func (d *decoder) next() (link.Frame, error) {
	for {
		p, err := d.r.Peek(prefixLen)
		if err != nil {
			if len(p) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return link.Frame{}, err
		}
		n := int(binary.BigEndian.Uint32(p))
		if n > maxLength || n < 0 {
			return link.Frame{}, fmt.Errorf("%w: 0x%08x", errLength, uint32(n))
		}
		d.r.Discard(prefixLen) // it was there
		if n >= ethernet.HeaderLen && n <= d.mtu+ethernet.HeaderLen+ethernet.TagLen {
			return d.read(n)
		}
		d.skip()
		if _, err := d.r.Discard(n); err != nil {
			return link.Frame{}, inside(err)
		}
	}
}

// read reads a frame of n octets, its headers in one chunk.
func (d *decoder) read(n int) (link.Frame, error) {
	v := buffer.NewViewSize(n)
	if _, err := io.ReadFull(d.r, v.AsSlice()); err != nil {
		v.Release()
		return link.Frame{}, inside(err)
	}
	return link.Frame{Data: buffer.MakeWithView(v)}, nil
}

// hasNext reports whether a whole frame is at hand, so that next will not wait.
func (d *decoder) hasNext() bool {
	if d.r.Buffered() < prefixLen {
		return false
	}
	p, _ := d.r.Peek(prefixLen)
	n := binary.BigEndian.Uint32(p)
	return n <= maxLength && prefixLen+int(n) <= d.r.Buffered()
}

// inside makes the end of the stream within a frame what it is.
func inside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// encode writes a frame behind its length.
func encode(w *bufio.Writer, f *link.Frame, chunks [][]byte) ([][]byte, error) {
	w.Write(binary.BigEndian.AppendUint32(w.AvailableBuffer(), uint32(f.Len()))) // an error comes again at the next write
	chunks = f.Slices(chunks[:0])
	for _, c := range chunks {
		if _, err := w.Write(c); err != nil {
			return chunks, err
		}
	}
	return chunks, nil
}
