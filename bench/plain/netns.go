package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// furnish makes the pair of a path whose far end is process pid in a namespace of its own.
func furnish(p path, pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = p.device()
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: p.peer()}); err != nil {
		return fmt.Errorf("veth %s: %w", attrs.Name, err)
	}
	peer, err := netlink.LinkByName(p.peer())
	if err != nil {
		return err
	}
	if err := netlink.LinkSetNsPid(peer, pid); err != nil {
		return fmt.Errorf("veth %s: into the far end's namespace: %w", p.peer(), err)
	}
	return bringUp(p.device(), p.near)
}

// traffic is what crossed the near end's interface, a super-frame counted once.
type traffic struct{ frames, octets uint64 }

// readTraffic reads both directions of a path's near interface: to the far end, from it.
func readTraffic(p path) (to, from traffic, err error) {
	l, err := netlink.LinkByName(p.device())
	if err != nil {
		return to, from, err
	}
	s := l.Attrs().Statistics
	return traffic{s.TxPackets, s.TxBytes}, traffic{s.RxPackets, s.RxBytes}, nil
}

// since gives the mean size of what crossed after earlier.
func (t traffic) since(earlier traffic) float64 {
	if t.frames == earlier.frames {
		return 0
	}
	return float64(t.octets-earlier.octets) / float64(t.frames-earlier.frames)
}
