//go:build linux

package bench

import (
	"fmt"
	"net"

	"tapestry/bench/internal/lean"
	"tapestry/internal/ethtool"
	"tapestry/link/xdp"

	"golang.org/x/sys/unix"
	rawxdp "gvisor.dev/gvisor/pkg/xdp"
)

// openXDP makes a host of ours on AF_XDP over the peer that was put into this namespace.
func openXDP(f *far) error {
	if err := quietPeer(f.path); err != nil {
		return err
	}
	dev, err := xdp.Open(xdp.Config{Interface: f.path.peer()})
	if err != nil {
		return err
	}
	f.watch(func(s *state) { s.Mode = dev.Mode().String() })
	return f.serveHost(dev)
}

// finishSends has the near end's kernel finish what it sends: AF_XDP cannot say that a checksum is partial. Without
// checksum offload the kernel drops TSO by itself.
func finishSends(p *path) error {
	for _, command := range []uint32{unix.ETHTOOL_STXCSUM, unix.ETHTOOL_SGSO} {
		if _, err := ethtool.Value(p.device(), command, 0); err != nil {
			return fmt.Errorf("switch offload of %s off: %w", p.device(), err)
		}
	}
	return nil
}

// openRawXDP answers datagrams by a loop over the rings of an AF_XDP socket, where the frame lies.
func openRawXDP(f *far) error {
	if err := quietPeer(f.path); err != nil {
		return err
	}
	ifi, err := net.InterfaceByName(f.path.peer())
	if err != nil {
		return err
	}
	o := rawxdp.DefaultOpts()
	o.NFrames, o.NDescriptors = 2048, 1024 // within the memory that a user may lock by default
	o.Bind, o.UseNeedWakeup = true, true
	b, err := rawxdp.New(uint32(ifi.Index), 0, o)
	if err != nil {
		return err
	}
	if err := redirectAll(ifi.Index, b.UMEM.SockFD()); err != nil {
		return fmt.Errorf("redirect program on %s: %w", ifi.Name, err)
	}
	go onThread(func() { swapRings(b) })
	return nil
}

// swapRings runs until the process ends. Each frame stays in its chunk: it goes from the receive ring to the transmit
// ring, and from the completion ring to the fill ring.
func swapRings(b *rawxdp.ControlBlock) {
	b.UMEM.Lock() // for good: this is the only thread
	b.Fill.FillAll(&b.UMEM)
	for {
		n, at := b.RX.Peek()
		if n == 0 {
			if lean.AwaitInput(int(b.UMEM.SockFD())) != nil {
				return
			}
			continue
		}
		for i := range n {
			swapChunk(b, b.RX.Get(at+i))
		}
		b.RX.Release(n)
		b.TX.Notify()
		b.Completion.FreeAll(&b.UMEM)
		b.Fill.FillAll(&b.UMEM)
	}
}

func swapChunk(b *rawxdp.ControlBlock, d unix.XDPDesc) {
	if !swap(b.UMEM.Get(d)) {
		b.UMEM.FreeFrame(d.Addr)
		return
	}
	n, at := b.TX.Reserve(&b.UMEM, 1)
	if n == 0 {
		b.UMEM.FreeFrame(d.Addr)
		return
	}
	b.TX.Set(at, unix.XDPDesc{Addr: d.Addr, Len: d.Len})
}
