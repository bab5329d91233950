package stack

import (
	"errors"
	"io"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// ReadFrom sends all that r gives, until r ends or fails.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.sendKnown(r)
	if err != nil {
		return n, c.opError("write", c.peer, err)
	}
	k := copiers.Get().(*copier)
	defer copiers.Put(k)
	more, err := io.CopyBuffer(struct{ io.Writer }{c}, r, k.buf[:])
	return n + more, err
}

// sendKnown sends what r has if that can be read at any offset, as a file and memory can, also through an
// [io.LimitedReader], and leaves r behind what was sent. It sends nothing of other readers.
func (c *TCPConn) sendKnown(r io.Reader) (sent int64, err error) {
	limit, isLimited := r.(*io.LimitedReader)
	if isLimited {
		r = limit.R
	}
	s, ok := r.(seekable)
	if !ok {
		return 0, nil
	}
	e, ok := extentOf(s)
	if !ok {
		return 0, nil
	}
	start := e.off
	if isLimited {
		e.left = min(e.left, limit.N)
	}
	err = c.sendExtent(&e)
	sent = e.off - start
	if isLimited {
		limit.N -= sent
	}
	if _, seekErr := s.Seek(e.off, io.SeekStart); err == nil {
		err = seekErr
	}
	return sent, err
}

type seekable interface {
	io.ReaderAt
	io.Seeker
}

// extent is the rest of a file. It is a [tcpip.Payloader]: the engine reads Len octets of it with none of its locks
// held.
type extent struct {
	from      io.ReaderAt
	off, left int64
	read      int64 // since off, by the engine
}

// extentOf is what s has from where it stands to its end.
func extentOf(s seekable) (e extent, ok bool) {
	off, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return e, false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return e, false
	}
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return e, false
	}
	return extent{from: s, off: off, left: max(end-off, 0)}, true
}

// Len implements [tcpip.Payloader].
func (e *extent) Len() int { return int(min(e.left, copySize)) }

// errEnds says that there is less than there was.
var errEnds = errors.New("stack: the file was cut short")

// Read implements [io.Reader]. The engine takes all or nothing: an end before Len is an error to it.
func (e *extent) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, _ := e.from.ReadAt(p, e.off+e.read)
	e.read += int64(n)
	if n < len(p) {
		return n, errEnds
	}
	return n, nil
}

// sendExtent sends as much of e as can be read.
func (c *TCPConn) sendExtent(e *extent) error {
	c.write.Lock()
	defer c.write.Unlock()
	for e.left > 0 {
		if err := c.write.Check(); err != nil {
			return err
		}
		e.read = 0
		n, err := c.ep.Write(e, tcpip.WriteOptions{})
		e.off += n
		e.left -= n
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			c.write.Wait()
		case *tcpip.ErrBadBuffer: // cut short, or it cannot be read: Read will say so
			return nil
		default:
			return c.write.result("write", err)
		}
	}
	return nil
}
