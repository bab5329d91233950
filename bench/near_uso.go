//go:build linux

package bench

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"tapestry/bench/internal/lean"

	"golang.org/x/sys/unix"
)

// Bulk over UDP crosses the sockets in blocks: so many datagrams of one size that one call hands over (udp(7),
// UDP_SEGMENT and UDP_GRO).
const (
	usoSegment = 1400
	usoBlock   = 44 * usoSegment // the most that a datagram's length has room for
	usoBatch   = 8               // blocks under way in a call
	usoRoom    = 64 << 10        // of a block that is read
)

// segments has the kernel cut what the socket sends into datagrams of a size.
func segments(s lean.Socket, size int) error {
	if err := unix.SetsockoptInt(int(s), unix.SOL_UDP, unix.UDP_SEGMENT, size); err != nil {
		return fmt.Errorf("UDP_SEGMENT: %w", err)
	}
	return nil
}

// coalesces has the kernel hand over datagrams of one sender together.
func coalesces(s lean.Socket) error {
	if err := unix.SetsockoptInt(int(s), unix.SOL_UDP, unix.UDP_GRO, 1); err != nil {
		return fmt.Errorf("UDP_GRO: %w", err)
	}
	return nil
}

// blastBlocks sends blocks as fast as it can. The far end counts octets.
func blastBlocks(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, _, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := segments(s, usoSegment); err != nil {
		return r, err
	}
	b := lean.NewBatch(usoBatch, usoBlock)
	start := time.Now()
	for time.Since(start) < c.duration {
		n, err := b.Write(s, usoBatch, usoBlock)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !isTimeout(err) {
			return r, err
		}
		r.Count += uint64(n) * usoBlock
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

// collectBlocks has the far end send as fast as it can, and counts the octets that come.
func collectBlocks(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, _, err := c.datagrams()
	if err != nil {
		return r, err
	}
	defer s.Close()
	if err := errors.Join(coalesces(s), s.SetPatience(2*patience)); err != nil {
		return r, err
	}
	if _, err := s.Write(wish(usoSegment, c.duration)); err != nil {
		return r, err
	}
	b := lean.NewBatch(usoBatch, usoRoom)
	start := time.Now()
	for end := start; ; end = time.Now() {
		n, err := b.Read(s, false)
		if isTimeout(err) && r.Count > 0 { // the source is through
			r.Elapsed = end.Sub(start)
			return r, nil
		}
		if err != nil {
			return r, err
		}
		for i := range n {
			r.Count += uint64(b.Len(i))
		}
	}
}
