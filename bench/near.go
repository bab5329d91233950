//go:build linux

package bench

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"tapestry/bench/internal/lean"
)

// conn is what a client talks through: the kernel's socket, or a connection of a host in this process.
type conn interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	CloseWrite() error
	Close() error
	SetPatience(d time.Duration) error // os.ErrDeadlineExceeded comes after waiting so long
}

type dialer interface {
	dial(network, to string) (conn, error)
}

// kernelDialer dials through the kernel, with nothing between the client and its system calls.
type kernelDialer struct{ path *path }

func (d kernelDialer) dial(network, to string) (conn, error) {
	if network == "ipx" {
		return asConn(dialFrames(d.path, to))
	}
	a, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, err
	}
	return lean.Dial(network, a)
}

// asConn keeps a nil pointer out of an interface.
func asConn(s *frameSocket, err error) (conn, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// hostDialer dials from a host in this process.
type hostDialer struct {
	host interface {
		Dial(network, address string) (net.Conn, error)
	}
}

func (d hostDialer) dial(network, to string) (conn, error) {
	c, err := d.host.Dial(network, to)
	if err != nil {
		return nil, err
	}
	return hostConn{c}, nil
}

type hostConn struct{ net.Conn }

// CloseWrite ends a stream.
func (c hostConn) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// SetPatience gives the connection a deadline: a client renews it often enough.
func (c hostConn) SetPatience(d time.Duration) error { return c.SetDeadline(time.Now().Add(d)) }

const (
	// slow is how long a stream may stand still.
	slow = 5 * time.Second
	// patience is how long an answer may take before its datagram counts as lost.
	patience = 200 * time.Millisecond
	// blockSize is what one call writes or reads in bulk transfers.
	blockSize = 128 << 10
)

// dialStreams opens the connections of a call.
func (c *call) dialStreams() ([]conn, error) {
	var all []conn
	for range max(c.streams, 1) {
		s, err := c.net.dial(c.network, c.to)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, s)
		if err := s.SetPatience(c.duration + slow); err != nil {
			closeAll(all)
			return nil, err
		}
	}
	return all, nil
}

func closeAll(all []conn) {
	for _, s := range all {
		s.Close()
	}
}

// each has every stream of the call do its part on a thread of its own, and adds up what they counted until the last of
// them is through.
func (c *call) each(part func(s conn, until time.Time) (uint64, error)) (r result, err error) {
	all, err := c.dialStreams()
	if err != nil {
		return r, err
	}
	defer closeAll(all)
	var mu sync.Mutex
	var running sync.WaitGroup
	failed := 0
	start := time.Now()
	for _, s := range all {
		running.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			n, e := part(s, start.Add(c.duration))
			mu.Lock()
			defer mu.Unlock()
			r.Count += n
			if e != nil {
				failed++
				err = e
			}
		})
	}
	running.Wait()
	if err != nil {
		err = fmt.Errorf("%d of %d streams: %w", failed, len(all), err)
	}
	r.Elapsed = time.Since(start)
	return r, err
}

// isDatagram reports whether what is sent over a network can be lost.
func isDatagram(network string) bool { return network == "udp" || network == "ipx" }

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
