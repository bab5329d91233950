//go:build linux

package bench

import (
	"net/netip"
	"runtime"
	"time"

	"tapestry/bench/internal/lean"
)

// kernelThreads is how many threads of the kernel's far end may block at a time: a listener for each service and as
// many connections as a scenario has streams, twice, since those of the last run may still be closing.
const kernelThreads = 240

const (
	// restless is how long a server's thread waits for its next client with a processor in hand.
	restless = 100 * time.Millisecond
	// forgotten is how long a connection may be silent before it is closed.
	forgotten = time.Minute
)

// serveKernel offers all services on blocking sockets of the kernel, until the process ends.
func (f *far) serveKernel() error {
	for i := range services {
		v := &services[i]
		if !v.hasKernelSocket() {
			continue
		}
		l, err := lean.Listen(v.network, netip.AddrPortFrom(f.path.far(), v.port))
		if err != nil {
			return err
		}
		if err := l.SetPatience(restless); err != nil {
			return err
		}
		switch {
		case v.network == "udp":
			l.SetBuffers(socketBuffer)
			go onThread(func() { v.kernel(f, l) })
		default:
			go onThread(func() { acceptKernel(l, v) })
		}
	}
	return nil
}

func onThread(run func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	run()
}

func acceptKernel(l lean.Socket, v *service) {
	for {
		s, err := l.Accept()
		if isTimeout(err) {
			l.Rest()
			continue
		}
		if err != nil {
			return
		}
		if v.oneByOne {
			v.kernelStream(s)
			s.Close()
			continue
		}
		go onThread(func() {
			defer s.Close()
			s.SetPatience(forgotten)
			v.kernelStream(s)
		})
	}
}

func kernelEchoPackets(_ *far, s lean.Socket) {
	b := lean.NewBatch(inFlight, datagramSize)
	for {
		n, err := b.Await(s, true)
		if err != nil {
			continue // an ICMP error of a client that is gone
		}
		b.Reply(s, n)
	}
}

func kernelCountPackets(f *far, s lean.Socket) {
	b := lean.NewBatch(inFlight, datagramSize)
	for {
		n, err := b.Await(s, false)
		if err == nil {
			f.received.Add(uint64(n))
		}
	}
}

// kernelSend sends what is wished for in blocks that the kernel cuts, the fastest that it knows: as super-frames, as the
// batches of a host of ours leave.
func kernelSend(_ *far, s lean.Socket) {
	for b := lean.NewBatch(usoBatch, usoBlock); ; {
		n, err := b.Await(s, true)
		if err != nil || n != 1 {
			continue
		}
		size, d, ok := wished(b.Data[0][:b.Len(0)])
		if !ok || size > datagramSize || segments(s, size) != nil {
			continue
		}
		b.SameName()
		block := size * min(inFlight, usoBlock/size)
		for start := time.Now(); time.Since(start) < d; {
			b.SendTo(s, block)
		}
	}
}
