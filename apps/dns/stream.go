package dns

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"

	mdns "github.com/miekg/dns"
)

// maxPipelined is how many questions of one session may wait for other servers at once.
const maxPipelined = 16

// stream is one TCP session, RFC 7766: questions may follow each other without waiting, and those that another server
// has to be asked for are answered when that is done, in any order (§6.2.1.1).
type stream struct {
	s      *server
	conn   net.Conn
	from   netip.AddrPort
	asking sync.WaitGroup
	slots  chan struct{} // of maxPipelined

	mu sync.Mutex // held by who writes
}

// session reads questions until the client closes, is idle for too long, or sends what is none.
func (s *server) session(ctx context.Context, conn net.Conn) {
	t := &stream{s: s, conn: conn, slots: make(chan struct{}, maxPipelined)}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		p := a.AddrPort()
		t.from = netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	defer t.asking.Wait()
	in := bufio.NewReader(conn)
	for {
		msg, err := readMessage(in)
		if err != nil || !t.answer(ctx, msg) {
			return
		}
	}
}

// readMessage reads two octets of length and the message, RFC 1035 §4.2.2. Memory grows with what arrives: a length is
// no promise.
func readMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint16(length[:]))
	msg, err := io.ReadAll(io.LimitReader(r, n))
	if err == nil && int64(len(msg)) < n {
		err = io.ErrUnexpectedEOF
	}
	return msg, err
}

// answer reports whether the session goes on. What cannot be answered at all ends it.
func (t *stream) answer(ctx context.Context, msg []byte) bool {
	t.s.counters.Add(countTCP, 1)
	var q query
	if q.parse(msg) == accept && q.qclass == mdns.ClassINET && (q.qtype == mdns.TypeAXFR || q.qtype == mdns.TypeIXFR) {
		return t.s.transfer(&q, t.from, t.write)
	}
	q = query{}
	out, recurse := t.s.respond(nil, &q, msg, t.from, true)
	if !recurse {
		return len(out) > 0 && t.write(out) == nil
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	t.asking.Go(func() { // ends with the answer, or with the last server's time
		defer func() { <-t.slots }()
		defer t.s.recovered()
		if t.s.forward.wait(ctx) != nil {
			return
		}
		defer t.s.forward.leave()
		_ = t.write(t.s.recurse(ctx, msg, true)) // the reader sees that the session is broken
	})
	return true
}

// write sends one message, with its length in the same segment (RFC 7766 §8).
func (t *stream) write(msg []byte) error {
	if len(msg) == 0 {
		return nil
	}
	b := make([]byte, 2, 2+len(msg))
	binary.BigEndian.PutUint16(b, uint16(len(msg)))
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.conn.Write(append(b, msg...))
	return err
}
