package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/internal/ethtool"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/xdp"
)

// openXDP opens AF_XDP sockets on the wire's interface, or on the far end of a veth pair that it makes for them.
func openXDP(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
	if w.Interface != "" {
		c := chosen{"xdp", "AF_XDP on " + w.Interface + ", as configured"}
		if err := w.checkShared(); err != nil {
			return nil, c, nil, err
		}
		dev, err := w.openSockets(w.Interface, addr)
		return dev, c, nil, err
	}
	c := chosen{"xdp", "veth pair and AF_XDP, as configured"}
	far, undo, err := makeVeth(w, addr)
	if err != nil {
		return nil, c, undo, err
	}
	if err := w.setUpNear(); err != nil {
		return nil, c, undo, err
	}
	dev, err := w.openSockets(far, addr)
	return dev, c, undo, err
}

// setUpNear configures the kernel's end of the pair; its addresses go with the pair.
func (w *Wire) setUpNear() error {
	if err := finishWhatIsSent(w.Name); err != nil {
		return err
	}
	if _, err := configureKernel(w); err != nil || !w.XDP.Responder {
		return err
	}
	if _, err := ethtool.Value(w.Name, unix.ETHTOOL_SGRO, 1); err != nil { // else veth would not take what the program answers
		return fmt.Errorf("interface %s: switch receive offload on (`ethtool -K %s gro on`): %w", w.Name, w.Name, err)
	}
	return nil
}

func (w *Wire) openSockets(iface string, addr ethernet.Addr) (link.Device, error) {
	p := w.XDP
	c := xdp.Config{
		Interface: iface, Addr: addr, MTU: w.MTU, Queues: w.sockets(), Attach: p.Attach, NoZero: p.NoZero,
		Ring: p.Ring, Spin: p.Spin, Budget: p.Budget,
	}
	if p.Shared || p.Responder {
		c.Addresses, c.Whole, c.Responder = w.hostAddresses(), !p.Shared, p.Responder
	}
	d, err := xdp.Open(c)
	if errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("%w (in a lab: a table [tap.%s] in place of [xdp.%s] runs as any user)", err, w.Name, w.Name)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// sockets is how many queues are asked for; 0: all that the interface has.
func (w *Wire) sockets() int {
	switch {
	case w.XDP.Queues == autoQueues && w.Interface == "":
		return min(runtime.NumCPU(), maxAutoQueues)
	case w.XDP.Queues == autoQueues:
		return 0
	}
	return w.XDP.Queues
}

// hostAddresses are those of the host on the wire.
func (w *Wire) hostAddresses() (all []netip.Addr) {
	for _, i := range w.host.Interfaces {
		if i.Wire == w {
			for _, p := range i.Config.Addresses {
				all = append(all, p.Addr())
			}
		}
	}
	return all
}

// checkShared refuses an address that the kernel has on the interface itself: both would answer for it.
func (w *Wire) checkShared() error {
	if !w.XDP.Shared {
		return nil
	}
	of, err := kernelAddresses(w.Interface)
	if err != nil {
		return nil // opening tells
	}
	for _, a := range w.hostAddresses() {
		if slices.Contains(of, a) {
			return fmt.Errorf("%s is the kernel's own address on %s: give the host another one, or the kernel (`ip address del`)", a, w.Interface)
		}
	}
	return nil
}

func kernelAddresses(iface string) (all []netip.Addr, err error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	nets, err := i.Addrs()
	for _, n := range nets {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			all = append(all, p.Addr())
		}
	}
	return all, err
}

// notes are what the user of an interface that exists has to see to; the lab changes nothing that it has not made. wrong are
// those that hurt now.
func (w *Wire) notes() (wrong, notes []string) {
	if w.XDP == nil || w.Interface == "" {
		return nil, nil
	}
	if of, err := kernelAddresses(w.Interface); err == nil && !w.XDP.Shared {
		of = slices.DeleteFunc(of, netip.Addr.IsLinkLocalUnicast)
		if len(of) > 0 {
			wrong = append(wrong, fmt.Sprintf("the kernel's own %v on %s are cut off while the lab runs; shared = true lets both use it", of, w.Interface))
		}
	}
	const must = "must send whole frames, or all of its TCP and UDP is dropped as drop.checksum: `ethtool -K %s tx off tso off gso off`"
	switch peer, is := peerOf(w.Interface); is {
	case away:
		notes = append(notes, fmt.Sprintf("the other end of %s is in another network namespace; it "+must, w.Interface, "NAME"))
	case partial:
		wrong = append(wrong, fmt.Sprintf("%s, the other end of %s, "+must, peer, w.Interface, peer))
	}
	return wrong, append(notes, wrong...)
}

// sender is how the other end of a cable finishes what it sends.
type sender uint8

const (
	whole   sender = iota // or it is no cable within this machine
	partial               // leaves checksums to whom it sends to; AF_XDP has no word for that
	away                  // in another network namespace, where it cannot be asked
)

// peerOf looks at the far end of a veth pair.
func peerOf(iface string) (name string, is sender) {
	l, err := netlink.LinkByName(iface)
	if err != nil || l.Type() != "veth" {
		return "", whole
	}
	p, err := netlink.LinkByIndex(l.Attrs().ParentIndex)
	if err != nil || l.Attrs().NetNsID >= 0 {
		return "", away
	}
	if on, err := ethtool.Value(p.Attrs().Name, unix.ETHTOOL_GTXCSUM, 0); err == nil && on == 0 {
		return "", whole
	}
	return p.Attrs().Name, partial
}

// asked is an XDP device that tells how it runs.
type asked interface {
	Mode() xdp.Mode
	QueueStats() []xdp.QueueStats
	ResponderStats() xdp.ResponderStats
}

// responderOff says why the responder does not answer.
func (w *Wire) responderOff(m xdp.Mode) []string {
	if !w.XDP.Responder || m.Responder {
		return nil
	}
	return []string{fmt.Sprintf("the responder is off, and the host answers: the other end of %s would not take its answers without receive offload: `ethtool -K NAME gro on` there", w.Interface)}
}
