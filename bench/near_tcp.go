//go:build linux

package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"time"
)

// bulkTo writes, and then waits for the count of what arrived, so that nothing in flight is counted.
func bulkTo(c *call) (result, error) {
	return c.each(func(s conn, until time.Time) (uint64, error) {
		block := make([]byte, blockSize)
		for time.Now().Before(until) {
			if _, err := s.Write(block); err != nil {
				return 0, err
			}
		}
		if err := s.CloseWrite(); err != nil {
			return 0, err
		}
		var count [8]byte
		_, err := io.ReadFull(s, count[:])
		return binary.BigEndian.Uint64(count[:]), err
	})
}

// bulkFrom reads.
func bulkFrom(c *call) (result, error) {
	return c.each(func(s conn, until time.Time) (count uint64, err error) {
		block := make([]byte, blockSize)
		for time.Now().Before(until) {
			n, err := s.Read(block)
			if err != nil {
				return count, err
			}
			count += uint64(n)
		}
		return count, nil
	})
}

// roundTrips sends one octet and waits for it, over tcp or udp.
func roundTrips(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s, err := c.net.dial(c.network, c.to)
	if err != nil {
		return r, err
	}
	defer s.Close()
	wait := slow
	if isDatagram(c.network) {
		wait = patience
	}
	if err := s.SetPatience(wait); err != nil {
		return r, err
	}
	var times histogram
	octet := make([]byte, 1) // where hosts are in this process, what is allocated here would count
	start := time.Now()
	for last := time.Duration(0); last < c.duration; {
		octet[0] = byte(r.Count)
		err := roundTrip(s, octet)
		now := time.Since(start)
		switch {
		case err == nil:
			r.Count++
			times.add(now - last)
		case isDatagram(c.network) && isTimeout(err):
			r.Lost++
			s.SetPatience(wait) // a host's connection has a deadline in its place
		default:
			return r, err
		}
		last = now
	}
	r.Elapsed, r.Times = time.Since(start), times.sparse()
	return r, nil
}

// roundTrip sends b and waits for its return. An answer to an earlier datagram, which was given up, is passed over.
func roundTrip(s conn, b []byte) error {
	sent := b[0]
	if _, err := s.Write(b); err != nil {
		return err
	}
	for range 256 {
		n, err := s.Read(b)
		if err != nil {
			return err
		}
		if n == 1 && b[0] == sent {
			return nil
		}
	}
	return fmt.Errorf("256 answers and none to %d", sent)
}

// connectTrips opens a connection for each round trip.
func connectTrips(c *call) (r result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var times histogram
	start := time.Now()
	for last := time.Duration(0); last < c.duration; {
		if err := c.connectTrip(byte(r.Count)); err != nil {
			return r, err
		}
		now := time.Since(start)
		r.Count++
		times.add(now - last)
		last = now
	}
	r.Elapsed, r.Times = time.Since(start), times.sparse()
	return r, nil
}

func (c *call) connectTrip(octet byte) error {
	s, err := c.net.dial(c.network, c.to)
	if err != nil {
		return err
	}
	defer s.Close()
	return roundTrip(s, []byte{octet})
}
