package stack

import (
	"errors"
	"io"
	"net"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// Copying to and from a connection with one copy less than Read and Write take.
//
// WriteTo borrows what was received: it looks at the octets in the engine's queue, hands that memory to the writer, and
// then takes out of the queue what the writer took, not an octet more. No lock of the engine is held meanwhile, so that
// a writer who blocks stops nobody but those who read from the same connection; the window closes behind him as behind any
// slow reader. Only Close gives the engine's queue up, and so does not close the endpoint while memory is lent: it has the
// connection reset, which is what closing with unread data does anyway (RFC 9293 §3.6.1), and leaves the rest to the
// borrower.
//
// ReadFrom has the engine read a source whose length is known, a file or memory, straight into the send queue. Any other
// source may block, or give less than was asked for, where the engine could not tell; it is read into a buffer first.

const (
	// copySize is what is read from a source at once: the longer a piece of the stream is, the less often a super-frame
	// ends with it.
	copySize = 256 << 10
	// maxLoan is how much WriteTo hands on before the window is moved.
	maxLoan = 256 << 10
	// minDirect is the shortest chunk that a call of Write of its own is cheaper for than a copy.
	minDirect = 8 << 10
	// maxChunks is room for 64 frames of an Ethernet, two chunks each.
	maxChunks = 128
)

// copier is the memory of one WriteTo or ReadFrom.
type copier struct {
	borrow borrower
	skip   skipper
	buf    [copySize]byte
}

var copiers = sync.Pool{New: func() any { return new(copier) }}

// errEnough has the engine stop in the middle of its queue.
var errEnough = errors.New("enough")

// borrower is an [io.Writer] that keeps what it is given without copying.
type borrower struct {
	chunks [maxChunks][]byte
	count  int
	octets int
}

func (b *borrower) Write(p []byte) (int, error) {
	if b.count == len(b.chunks) || b.octets >= maxLoan {
		return 0, errEnough
	}
	b.chunks[b.count] = p
	b.count++
	b.octets += len(p)
	return len(p), nil
}

func (b *borrower) reset() {
	clear(b.chunks[:b.count])
	b.count, b.octets = 0, 0
}

// skipper is an [io.Writer] that takes so many octets and forgets them.
type skipper int

func (s *skipper) Write(p []byte) (int, error) {
	n := min(len(p), int(*s))
	*s -= skipper(n)
	if n < len(p) {
		return n, errEnough
	}
	return n, nil
}

// loan says whether memory of the engine's is lent.
type loan struct {
	mu      sync.Mutex // taken before the engine's locks
	isLent  bool
	isClose bool // Close came meanwhile: who gives back closes
}

// WriteTo writes all that is received to w. What w does not take stays to be read. Others who read from c wait.
func (c *TCPConn) WriteTo(w io.Writer) (total int64, err error) {
	k := copiers.Get().(*copier)
	defer copiers.Put(k)
	c.read.Lock()
	defer c.read.Unlock()
	for {
		n, err := c.lend(k, w)
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// lend hands w what is there, and waits if that is nothing. The error io.EOF is the end of the stream.
func (c *TCPConn) lend(k *copier, w io.Writer) (n int, err error) {
	if err := c.read.Check(); err != nil {
		return 0, c.opError("read", c.peer, err)
	}
	e := c.take(k)
	switch e.(type) {
	case nil:
	case *tcpip.ErrWouldBlock:
		c.read.Wait()
		return 0, nil
	case *tcpip.ErrClosedForReceive:
		if !c.read.IsClosed() {
			return 0, io.EOF
		}
		return 0, c.opError("read", c.peer, c.read.Check())
	default:
		return 0, c.opError("read", c.peer, c.read.result("read", e))
	}
	defer c.giveBack(k, &n) // also if w panics
	err = k.handTo(w, &n)
	return n, err
}

// take borrows from the engine's queue. A connection that is being closed lends nothing.
func (c *TCPConn) take(k *copier) tcpip.Error {
	c.loan.mu.Lock()
	defer c.loan.mu.Unlock()
	if c.read.IsClosed() {
		return &tcpip.ErrClosedForReceive{}
	}
	_, e := c.ep.Read(&k.borrow, tcpip.ReadOptions{Peek: true})
	c.loan.isLent = e == nil
	return e
}

// giveBack takes the n octets that were used out of the queue, and closes the endpoint if Close wanted to.
func (c *TCPConn) giveBack(k *copier, n *int) {
	k.borrow.reset()
	c.loan.mu.Lock()
	defer c.loan.mu.Unlock()
	if k.skip = skipper(*n); *n > 0 {
		c.ep.Read(&k.skip, tcpip.ReadOptions{})
	}
	c.loan.isLent = false
	if c.loan.isClose {
		c.ep.Close()
		return
	}
	c.moveWindow(*n)
}

// Close closes the connection and unblocks all who wait for it. What was written is still delivered.
func (c *TCPConn) Close() error {
	c.loan.mu.Lock()
	defer c.loan.mu.Unlock()
	if !c.loan.isLent {
		return c.socket.Close()
	}
	err := c.opError("close", c.peer, net.ErrClosed)
	c.closeOnce.Do(func() {
		c.shutLent()
		err = nil
	})
	return err
}

// shutLent is shut while memory is lent: who gives it back closes the endpoint. The lent octets are unread, so that
// this resets the connection, and the engine forgets it without freeing them.
func (c *TCPConn) shutLent() {
	c.loan.isClose = true
	c.read.close(c.wq)
	c.write.close(c.wq)
	c.ep.Shutdown(tcpip.ShutdownRead | tcpip.ShutdownWrite)
	c.trackMu.Lock()
	untrack := c.untrack
	c.trackMu.Unlock()
	if untrack != nil {
		untrack()
	}
}

// handTo writes what was borrowed to w and counts what w took in n. Short chunks are written together.
func (k *copier) handTo(w io.Writer, n *int) error {
	held := 0 // of k.buf
	for _, p := range k.borrow.chunks[:k.borrow.count] {
		if held > 0 && (len(p) >= minDirect || held+len(p) > len(k.buf)) {
			if err := writeAll(w, k.buf[:held], n); err != nil {
				return err
			}
			held = 0
		}
		if len(p) < minDirect {
			held += copy(k.buf[held:], p)
		} else if err := writeAll(w, p, n); err != nil {
			return err
		}
	}
	return writeAll(w, k.buf[:held], n)
}

var errInvalidWrite = errors.New("stack: writer returned an invalid count")

// writeAll adds to n how much of p was written.
func writeAll(w io.Writer, p []byte, n *int) error {
	if len(p) == 0 {
		return nil
	}
	k, err := w.Write(p)
	if k < 0 || k > len(p) {
		return errInvalidWrite
	}
	*n += k
	if err == nil && k < len(p) {
		err = io.ErrShortWrite
	}
	return err
}
