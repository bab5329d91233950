package tap

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/internal/vnet"
)

// node is the device node that TAP devices are made with.
const node = "/dev/net/tun"

// Offloads of TUNSETOFFLOAD (linux/if_tun.h), which x/sys/unix lacks.
const (
	tunCsum = 0x01
	tunTSO4 = 0x02
	tunTSO6 = 0x04
	tunUSO4 = 0x20
	tunUSO6 = 0x40
)

// checkName tells apart early what the kernel would answer with one error, or would take for something else: naming an
// interface that exists attaches to it.
func (c Config) checkName() error {
	if c.Name == "" {
		return nil
	}
	_, err := net.InterfaceByName(c.Name)
	switch {
	case c.Existing && err != nil:
		return fmt.Errorf("tap: no interface %s here to attach to: make it with `ip tuntap add dev %s mode tap`, or let it be made: %w",
			c.Name, c.Name, unix.ENODEV)
	case !c.Existing && err == nil:
		return fmt.Errorf("tap: an interface %s exists already: choose another name, or ask for the existing one: %w", c.Name, unix.EEXIST)
	}
	return nil
}

// openNode opens the device node.
func openNode() (int, error) {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		return fd, nil
	}
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return -1, fmt.Errorf("tap: %s is closed to this user (%s): run as root, let the user in with `chmod 0666 %s`, or use a packet socket on a veth pair: %w",
			node, nodeMode(), node, err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return -1, fmt.Errorf("tap: %s is missing: load the driver with `modprobe tun`; in a container, pass the device in: %w", node, err)
	}
	return -1, fmt.Errorf("tap: open %s: %w", node, err)
}

// nodeMode describes who may open the node.
func nodeMode() string {
	var st unix.Stat_t
	if err := unix.Stat(node, &st); err != nil {
		return err.Error()
	}
	const unmapped = 65534 // what a user namespace shows of a user that it does not have (user_namespaces(7))
	owner := fmt.Sprintf("of user %d, group %d", st.Uid, st.Gid)
	if st.Uid == unmapped {
		owner = "of a user outside this user namespace"
	}
	return fmt.Sprintf("mode %04o, %s", st.Mode&0o777, owner)
}

// attach makes fd a queue of the interface, which the first call may make.
func (p *port) attach(fd int) error {
	flags := uint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if !p.NoVnetHdr {
		flags |= unix.IFF_VNET_HDR
	}
	if p.Queues > 1 {
		flags |= unix.IFF_MULTI_QUEUE
	}
	name, err := setIff(fd, p.Name, flags)
	if errors.Is(err, unix.EINVAL) && p.Existing && p.Queues == 1 {
		name, err = setIff(fd, p.Name, flags|unix.IFF_MULTI_QUEUE) // it was made with multi_queue
	}
	if err != nil {
		return p.explain(err)
	}
	p.Name = name
	return nil
}

func setIff(fd int, name string, flags uint16) (string, error) {
	ifr, err := unix.NewIfreq(orDefault(name))
	if err != nil {
		return "", err
	}
	ifr.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return "", err
	}
	return ifr.Name(), nil
}

// orDefault lets the kernel choose the number.
func orDefault(name string) string {
	if name == "" {
		return "tap%d"
	}
	return name
}

// explain says what an error of TUNSETIFF means.
func (p *port) explain(err error) error {
	name := orDefault(p.Name)
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("tap: this user may not use %s: it takes CAP_NET_ADMIN in the network namespace, or a device made for the user (`ip tuntap add dev %s mode tap user NAME`): %w",
			name, name, err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("tap: %s is in use by another process: %w", name, err)
	case errors.Is(err, unix.EINVAL) && p.Existing:
		return fmt.Errorf("tap: %s is not a TAP device that fits (%d queues): `ip -d link show %s` tells what it is: %w", name, p.Queues, name, err)
	}
	return fmt.Errorf("tap: make %s: %w", name, err)
}

// setOffload asks for the offloads that are switched on, then for less and less. The set must be the same for every
// queue, so the first decides.
func (p *port) setOffload(fd int) error {
	if p.NoVnetHdr {
		return nil
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnet.HeaderLen); err != nil {
		return fmt.Errorf("tap: %s: header of %d octets (try without the virtio-net header): %w", p.Name, vnet.HeaderLen, err)
	}
	for _, o := range p.ladder() {
		if unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, tunBits(o)) == nil {
			p.offload = o
			return nil
		}
	}
	return nil // a kernel that refuses even the empty set leaves nothing undone
}

// ladder lists the sets of offloads to try.
func (p *port) ladder() []link.Offload {
	on := p.switchedOn()
	steps := []link.Offload{on}
	for _, without := range []link.Offload{link.OffloadUSO, link.OffloadTSO6, link.OffloadTSO4, link.OffloadChecksum} {
		if on&without != 0 {
			on &^= without
			steps = append(steps, on)
		}
	}
	return steps
}

// switchedOn is what the configuration allows.
func (c Config) switchedOn() link.Offload {
	if c.NoChecksum || c.NoVnetHdr {
		return 0
	}
	o := link.OffloadChecksum
	for _, s := range []struct {
		off bool
		o   link.Offload
	}{{c.NoTSO4, link.OffloadTSO4}, {c.NoTSO6, link.OffloadTSO6}, {c.NoUSO, link.OffloadUSO}} {
		if !s.off {
			o |= s.o
		}
	}
	return o
}

func tunBits(o link.Offload) int {
	bits := 0
	for _, b := range []struct {
		o   link.Offload
		tun int
	}{
		{link.OffloadChecksum, tunCsum}, {link.OffloadTSO4, tunTSO4}, {link.OffloadTSO6, tunTSO6},
		{link.OffloadUSO, tunUSO4 | tunUSO6},
	} {
		if o.Has(b.o) {
			bits |= b.tun
		}
	}
	return bits
}

// setMTU sets the MTU of the kernel's interface unless it is zero, and gives what it is then.
func setMTU(name string, mtu int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("tap: %s: socket: %w", name, err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("tap: %s: %w", name, err)
	}
	if mtu != 0 {
		ifr.SetUint32(uint32(mtu))
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, ifr); err != nil {
			return 0, fmt.Errorf("tap: %s: set MTU %d: %w", name, mtu, err)
		}
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFMTU, ifr); err != nil {
		return 0, fmt.Errorf("tap: %s: read MTU: %w", name, err)
	}
	return int(ifr.Uint32()), nil
}
