package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"tapestry/link/ethernet"
)

// configureKernel brings the kernel's side of a wire up with its addresses, which are usable at once. undo takes the
// addresses away that were added.
func configureKernel(w *Wire) (undo func() error, err error) {
	l, err := netlink.LinkByName(w.Name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", w.Name, err)
	}
	if err := setSysctls(w); err != nil {
		return nil, err
	}
	var added []*netlink.Addr
	undo = func() error { return removeAddresses(l, added) }
	for _, p := range w.Addresses {
		a := kernelAddress(p)
		switch err := netlink.AddrAdd(l, a); {
		case errors.Is(err, unix.EEXIST) && w.Existing:
		case err != nil:
			return undo, fmt.Errorf("interface %s: address %s: %w", w.Name, p, err)
		default:
			added = append(added, a)
		}
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return undo, fmt.Errorf("interface %s: bring up: %w", w.Name, err)
	}
	return undo, nil
}

// kernelAddress has the flag that makes an IPv6 address usable without waiting (RFC 4862 §5.4 is skipped: the other
// station of the wire is ours).
func kernelAddress(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// removeAddresses ignores an interface that is gone, as a TAP is when its device was closed.
func removeAddresses(l netlink.Link, added []*netlink.Addr) error {
	if _, err := netlink.LinkByIndex(l.Attrs().Index); err != nil {
		return nil
	}
	var errs []error
	for _, a := range added {
		if err := netlink.AddrDel(l, a); err != nil && !isGone(err) {
			errs = append(errs, fmt.Errorf("interface %s: remove address %s: %w", l.Attrs().Name, a.IPNet, err))
		}
	}
	return errors.Join(errs...)
}

func isGone(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL)
}

// setSysctls has the kernel's side speak IPv6 if it has such an address, use its link-local address at once, and take
// no configuration from the wire. A kernel without IPv6, or a /proc that is read-only, is an error only for who needs it.
func setSysctls(w *Wire) error {
	needed := false
	for _, p := range w.Addresses {
		needed = needed || p.Addr().Is6()
	}
	if w.Existing || !needed {
		return nil // its owner's affair
	}
	if err := sysctl6(w.Name, "disable_ipv6", "0"); err != nil && sysctl6Is(w.Name, "disable_ipv6", "1") {
		return fmt.Errorf("interface %s has IPv6 switched off: %w; remove its IPv6 addresses", w.Name, err)
	}
	sysctl6(w.Name, "accept_dad", "0") // else only link-local addresses are usable later
	sysctl6(w.Name, "accept_ra", "0")
	return nil
}

func sysctl6Path(iface, key string) string { return "/proc/sys/net/ipv6/conf/" + iface + "/" + key }

func sysctl6(iface, key, value string) error {
	f, err := os.OpenFile(sysctl6Path(iface, key), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

func sysctl6Is(iface, key, value string) bool {
	b, err := os.ReadFile(sysctl6Path(iface, key))
	return err == nil && len(b) > 0 && string(b[:1]) == value
}

// makeVeth makes a pair whose far end is the host's: the kernel must not answer there. IPv6 is switched off before the
// end is up, so that it never has a link-local address, and it does no ARP.
func makeVeth(w *Wire, addr ethernet.Addr) (far string, undo func() error, err error) {
	far = w.Name[:min(len(w.Name), maxInterface-2)] + "-h"
	pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: far, PeerHardwareAddr: addr[:]}
	pair.Name = w.Name
	if w.MTU != 0 {
		pair.MTU, pair.PeerMTU = w.MTU, uint32(w.MTU)
	}
	if w.XDP != nil { // the kernel spreads what it sends over queues of the far end
		n := w.sockets()
		pair.NumTxQueues, pair.NumRxQueues, pair.PeerNumTxQueues, pair.PeerNumRxQueues = n, n, uint32(n), uint32(n)
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return "", nil, fmt.Errorf("veth pair %s and %s: %w", w.Name, far, explainNetlink(err))
	}
	undo = func() error {
		if err := netlink.LinkDel(pair); err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("remove veth pair %s: %w", w.Name, err)
		}
		return nil
	}
	return far, undo, setUpFar(far)
}

func setUpFar(far string) error {
	if err := sysctl6(far, "disable_ipv6", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("switch IPv6 off on %s: %w (is /proc/sys writable?)", far, err)
	}
	l, err := netlink.LinkByName(far)
	if err != nil {
		return fmt.Errorf("interface %s: %w", far, err)
	}
	if err := netlink.LinkSetARPOff(l); err != nil {
		return fmt.Errorf("interface %s: no ARP: %w", far, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("interface %s: bring up: %w", far, err)
	}
	return nil
}

func explainNetlink(err error) error {
	switch {
	case errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%w: an interface of that name is there already; give the tap another name", err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return fmt.Errorf("%w: this kernel has no veth", err)
	}
	return err
}
