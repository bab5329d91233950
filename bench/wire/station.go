package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tapestry/bench/internal/machine"
	"tapestry/link"
	"tapestry/link/segment"
	"tapestry/link/tap"
	"tapestry/stack"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// kind is a kind of station.
type kind struct {
	name string
	open func(s *segment.Segment, wrap wrapper, a netip.Prefix) (station, error)
}

// wrapper puts something between a port and its station.
type wrapper func(link.Device) (link.Device, error)

// station is an open station.
type station interface {
	Listen(network, address string) (net.Listener, error)
	Dial(network, address string) (net.Conn, error)
	counts() (counts, error)
	Close() error
}

// counts are what a station's TCP has done.
type counts struct {
	Retransmits uint64 `json:"retransmits"` // segments
	Timeouts    uint64 `json:"timeouts"`    // of the retransmission timer
}

// reference is the congestion control that all are compared under: the engine's default.
const reference = "cubic"

var (
	ours       = kind{"ours", openHost("")} // receives alone, so that it does not matter how it recovers
	oursSACK   = kind{"ours-sack", openHost("sack")}
	oursRACK   = kind{"ours-rack", openHost("rack")}
	kernel     = kind{"kernel", openKernel(reference)}
	kernelSelf = kind{"kernel-" + machineCongestion(), openKernel("")}
)

// openHost makes a host of ours on a port of s, which recovers from loss as recovery says.
func openHost(recovery string) func(*segment.Segment, wrapper, netip.Prefix) (station, error) {
	return func(s *segment.Segment, wrap wrapper, a netip.Prefix) (station, error) {
		return joinHost(s, wrap, a, stack.TCPConfig{Congestion: reference, Recovery: recovery})
	}
}

func joinHost(s *segment.Segment, wrap wrapper, a netip.Prefix, c stack.TCPConfig) (station, error) {
	port, err := s.NewDevice(segment.PortConfig{Offload: segment.AllOffloads})
	if err != nil {
		return nil, err
	}
	dev, err := wrap(port)
	if err != nil {
		port.Close()
		return nil, err
	}
	h, err := stack.New(stack.Config{TCP: c})
	if err != nil {
		dev.Close()
		return nil, err
	}
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Name: "eth0", Addresses: []netip.Prefix{a}, NoIPv6: true}); err != nil {
		h.Close()
		return nil, err
	}
	return hostStation{h}, nil
}

// hostStation is a host of ours.
type hostStation struct{ *stack.Host }

// counts implements station.
func (h hostStation) counts() (c counts, err error) {
	for _, s := range h.Stats() {
		switch s.Name {
		case "tcpRetransSegs":
			c.Retransmits = s.Value
		case "tcpTimeouts":
			c.Timeouts = s.Value
		}
	}
	return c, nil
}

// kernelStation is a namespace with a TAP in it.
type kernelStation struct {
	*space
	congestion string // of its sockets; "" is the machine's default
}

func openKernel(congestion string) func(*segment.Segment, wrapper, netip.Prefix) (station, error) {
	return func(s *segment.Segment, wrap wrapper, a netip.Prefix) (station, error) {
		space, err := newSpace()
		if err != nil {
			return nil, err
		}
		k := kernelStation{space, congestion}
		if err := k.join(s, wrap, a); err != nil {
			space.close()
			return nil, err
		}
		return k, nil
	}
}

// join makes the TAP and a port for it, which owns it from then on.
func (k kernelStation) join(s *segment.Segment, wrap wrapper, a netip.Prefix) error {
	var port *tap.Device
	err := k.do(func() (err error) {
		if port, err = tap.Open(tap.Config{Name: "tap0"}); err != nil {
			return fmt.Errorf("%w (it takes root, or a user who may open /dev/net/tun)", err)
		}
		return bringUp("tap0", a)
	})
	if err != nil {
		return err
	}
	dev, err := wrap(port)
	if err != nil {
		port.Close()
		return err
	}
	if _, err = s.Bridge(dev, segment.PortConfig{}); err != nil {
		dev.Close()
	}
	return err
}

// Listen implements station.
func (k kernelStation) Listen(network, address string) (l net.Listener, err error) {
	err = k.do(func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// Dial implements station.
func (k kernelStation) Dial(network, address string) (c net.Conn, err error) {
	d := net.Dialer{Timeout: dialTime, Control: k.choose}
	err = k.do(func() error {
		c, err = d.Dial(network, address)
		return err
	})
	return c, err
}

// choose sets the congestion control of a socket, where the data comes from.
func (k kernelStation) choose(_, _ string, c syscall.RawConn) (err error) {
	if k.congestion == "" {
		return nil
	}
	outer := c.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, k.congestion)
	})
	if err != nil {
		return fmt.Errorf("congestion control %s: %w", k.congestion, err)
	}
	return outer
}

// counts implements station.
func (k kernelStation) counts() (c counts, err error) {
	err = k.do(func() error {
		c.Retransmits, err = protocolCount("/proc/thread-self/net/snmp", "Tcp:", "RetransSegs")
		if err == nil {
			c.Timeouts, err = protocolCount("/proc/thread-self/net/netstat", "TcpExt:", "TCPTimeouts")
		}
		return err
	})
	return c, err
}

// protocolCount reads one of the kernel's counters: a file has lines in pairs, one with names and one with values.
func protocolCount(file, prefix, name string) (uint64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || f[0] != prefix:
		case names == nil:
			names = f
		default:
			if i := slices.Index(names, name); i > 0 && i < len(f) {
				return strconv.ParseUint(f[i], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

// Close implements station.
func (k kernelStation) Close() error {
	k.close()
	return nil
}

// bringUp gives an interface of this namespace its address.
func bringUp(name string, a netip.Prefix) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n := &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen())}
	if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: n}); err != nil {
		return fmt.Errorf("%s: address %s: %w", name, a, err)
	}
	return netlink.LinkSetUp(l)
}

// machineCongestion is what a socket of the kernel uses if it is not told.
func machineCongestion() string {
	return strings.TrimSpace(machine.FirstLine("/proc/sys/net/ipv4/tcp_congestion_control"))
}
