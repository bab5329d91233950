//go:build linux

package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"tapestry/bench/internal/lean"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
)

// ICMP echo, RFC 792.
const (
	echoRequest = 8
	echoReply   = 0
	echoID      = 4711
	echoSize    = 64 // octets of the message
)

// echoTrips sends an echo request and waits for its reply, one at a time.
func echoTrips(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := dialICMP(c.to)
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := s.SetPatience(patience); err != nil {
		return r, err
	}
	var times histogram
	e := echoer{socket: s}
	start := time.Now()
	for last := time.Duration(0); last < c.duration; {
		err := e.trip()
		now := time.Since(start)
		switch {
		case err == nil:
			r.Count++
			times.add(now - last)
		case isTimeout(err):
			r.Lost++
		default:
			return r, err
		}
		last = now
	}
	r.Elapsed, r.Times = time.Since(start), times.sparse()
	return r, nil
}

// dialICMP opens a raw socket to an address, whose port does not matter.
func dialICMP(to string) (lean.Socket, error) {
	a, err := netip.ParseAddrPort(to)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err != nil {
		return 0, fmt.Errorf("needs the right to a raw ICMP socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: a.Addr().As4()}); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("raw ICMP socket to %s: %w", a.Addr(), err)
	}
	return lean.Socket(fd), nil
}

// echoer makes round trips, each with a sequence number of its own.
type echoer struct {
	socket lean.Socket
	seq    uint16
	out    [echoSize]byte
	in     [datagramSize]byte
}

func (e *echoer) trip() error {
	e.seq++
	b := e.out[:]
	b[0] = echoRequest                        // type
	b[1] = 0                                  // code
	binary.BigEndian.PutUint16(b[2:], 0)      // checksum
	binary.BigEndian.PutUint16(b[4:], echoID) // identifier
	binary.BigEndian.PutUint16(b[6:], e.seq)  // sequence number
	binary.BigEndian.PutUint16(b[2:], ^checksum.Checksum(b, 0))
	if _, err := e.socket.Write(b); err != nil {
		return err
	}
	for range 256 { // what else comes in: errors, replies that were given up
		n, err := e.socket.Read(e.in[:])
		if err != nil {
			return err
		}
		if e.isReply(e.in[:n]) {
			return nil
		}
	}
	return fmt.Errorf("256 ICMP messages and none answers %d", e.seq)
}

// isReply looks behind the IPv4 header that a raw socket gives.
func (e *echoer) isReply(b []byte) bool {
	if len(b) < 20 {
		return false
	}
	head := int(b[0]&0xf) * 4
	if len(b) < head+echoSize {
		return false
	}
	m := b[head:]
	return m[0] == echoReply && binary.BigEndian.Uint16(m[4:]) == echoID && binary.BigEndian.Uint16(m[6:]) == e.seq
}
