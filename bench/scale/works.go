package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tapestry/link"
	"tapestry/stack"
)

// blockSize is what one call of Write sends.
const blockSize = 256 << 10

// bulk has a host at a send to a host at b for d over one TCP connection.
func bulk(a, b link.Device, d time.Duration) error {
	from, err := hostAt(a, 0)
	if err != nil {
		b.Close()
		return err
	}
	defer from.Close()
	to, err := hostAt(b, 1)
	if err != nil {
		return err
	}
	defer to.Close()
	l, err := to.Listen("tcp", netip.AddrPortFrom(address(1), 9).String())
	if err != nil {
		return err
	}
	var sink sync.WaitGroup
	sink.Go(func() { discard(l) }) // ends with the connection
	defer sink.Wait()
	defer l.Close()
	return send(from, l.Addr().String(), d)
}

func hostAt(dev link.Device, n int) (*stack.Host, error) {
	h, err := stack.New(stack.Config{})
	if err != nil {
		dev.Close()
		return nil, err
	}
	p := netip.PrefixFrom(address(n), prefixLen)
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Addresses: []netip.Prefix{p}, NoIPv6: true}); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func discard(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	for b := make([]byte, blockSize); err == nil; {
		_, err = c.Read(b)
	}
}

// send writes for d and waits until the far end has read it all.
func send(from *stack.Host, to string, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d+10*time.Second)
	defer cancel()
	c, err := from.DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(d + 10*time.Second))
	b := make([]byte, blockSize)
	for end := time.Now().Add(d); time.Now().Before(end); {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	if err := c.(*stack.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if _, err := c.Read(b[:1]); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// What smallFrames sends: frames of 64 octets, this many at a time, this many unread at the most.
const (
	smallSize  = 64
	smallBatch = 32
	inFlight   = 2048
)

// smallFrames writes frames at a for d that b reads.
func smallFrames(a, b link.Device, d time.Duration) error {
	hello(b)
	var read atomic.Uint64
	var reader sync.WaitGroup
	reader.Go(func() { count(b.Queues()[0], &read) }) // ends when b is closed
	defer reader.Wait()
	defer b.Close()
	model := link.NewFrame(smallFrame(near, far))
	defer model.Release()
	frames := make([]link.Frame, smallBatch)
	var written uint64
	for end := time.Now().Add(d); time.Now().Before(end); {
		if written-read.Load() > inFlight {
			runtime.Gosched()
			continue
		}
		for i := range frames {
			frames[i] = model.Clone()
		}
		written += uint64(a.Queues()[0].WriteFrames(frames))
	}
	for end := time.Now().Add(time.Second); read.Load() < written && time.Now().Before(end); {
		runtime.Gosched()
	}
	return nil
}

// hello has a switch learn where b is, so that nothing is flooded.
func hello(b link.Device) {
	b.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(smallFrame(far, near))})
}

func smallFrame(from, to [6]byte) []byte {
	f := make([]byte, smallSize)
	copy(f, to[:])
	copy(f[6:], from[:])
	f[12], f[13] = 0x88, 0xb5 // IEEE 802 local experimental EtherType
	return f
}

func count(q link.Queue, n *atomic.Uint64) {
	f := make([]link.Frame, 2*smallBatch)
	for {
		k, err := q.ReadFrames(f)
		if err != nil {
			return
		}
		link.ReleaseAll(f[:k])
		n.Add(uint64(k))
	}
}
