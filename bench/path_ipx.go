//go:build linux

package bench

import (
	"fmt"
	"net/netip"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/packet"
	"tapestry/link/pipe"
	"tapestry/link/tap"
	"tapestry/stack"

	"github.com/vishvananda/netlink"
)

// protocol is what a path carries where the near end's kernel has no sockets for it.
type protocol string

const (
	overIPX protocol = "ipx"
	overUDP protocol = "udp"
)

// benchNet is the number of every path's network of IPX: no path hears another.
const benchNet ipxwire.Network = 0xcafe

// nearAddr is the hardware address of near ends that are no kernel, so that the kernel leaves alone what is for them.
var nearAddr = ethernet.Addr{2, 0, 0, 0, 0, 3}

// farNode is the far end's address on a path that carries IPX.
func farNode(s uint16) ipxwire.Addr {
	return ipxwire.Addr{Net: benchNet, Node: ipxwire.Node(stationAddr), Socket: ipxwire.Socket(s)}
}

// maker is the near end's address of a path on which it makes its frames itself: one that the kernel does not have, or
// it would answer the host's datagrams that no port is unreachable.
func (p *path) maker() netip.Addr { return p.subnet(3) }

// openStationTAP is openTAP with a hardware address that the near end knows.
func openStationTAP(f *far) error { return openOurs(f, tap.Config{Addr: stationAddr}) }

// openFramesTAP is openStationTAP without super-frames of UDP: the near end would take one for one datagram, and IPX
// has nothing like them.
func openFramesTAP(f *far) error { return openOurs(f, tap.Config{Addr: stationAddr, NoUSO: true}) }

// openPipeIPX is openPipe for hosts that have IPX.
func openPipeIPX(f *far) error {
	farEnd, nearEnd := pipe.New(pipe.Config{Offload: pipe.AllOffloads, Addrs: [2]ethernet.Addr{stationAddr, nearAddr}})
	near, err := f.path.newHost("near", nearEnd, f.path.near())
	if err != nil {
		return err
	}
	f.near = hostDialer{near}
	return f.serveHost(farEnd)
}

// newHost makes a host of a path, with what the path carries besides IP.
func (p *path) newHost(name string, dev link.Device, at netip.Addr) (*stack.Host, error) {
	h, i, err := newHost(name, dev, netip.PrefixFrom(at, prefixLen))
	switch {
	case err != nil:
		return nil, err
	case p.frames == overIPX:
		err = i.AddIPX(stack.IPXConfig{Network: benchNet, MaxPacket: ipxwire.Max})
	case p.frames == overUDP: // who makes its frames itself answers no ARP
		err = h.AddNeighbor(stack.Neighbor{Interface: i.Name(), Addr: p.maker(), Link: nearAddr})
	}
	return h, err
}

// wrapHost starts a near end that is a host of ours, on AF_PACKET at the kernel's side of the TAP, where the kernel
// keeps silent. Its process is its own, so that it is served and measured as a host is.
func wrapHost(w *way, place placement) (err error) {
	l, err := netlink.LinkByName(w.device())
	if err != nil {
		return err
	}
	if err := quiet(l); err != nil {
		return err
	}
	w.near, err = start("near end of "+w.name, roleCommand("near"), place.near)
	return err
}

// openNearHost makes the host of such a near end.
func openNearHost(p *path) (dialer, error) {
	dev, err := packet.Open(packet.Config{Interface: p.device(), Addr: nearAddr})
	if err != nil {
		return nil, fmt.Errorf("near end's host: %w", err)
	}
	h, err := p.newHost("near", dev, p.near())
	if err != nil {
		return nil, err
	}
	startProcs()
	return hostDialer{h}, nil
}
