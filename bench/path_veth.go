//go:build linux

package bench

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// openVeth brings up the peer that the near end has put into this namespace.
func openVeth(f *far) error {
	if err := bringUp(f.path.peer(), f.path.far()); err != nil {
		return err
	}
	return f.serveKernel()
}

// furnishVeth makes the pair of a path whose far end is process pid in a namespace of its own.
func furnishVeth(p *path, pid int) error {
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
	return bringUp(p.device(), p.near())
}
