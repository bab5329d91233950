package main

import (
	"fmt"
	"net"
	"net/netip"

	"tapestry/link"
	"tapestry/link/packet"
	"tapestry/link/tap"
	"tapestry/stack"

	"github.com/vishvananda/netlink"
)

// path is one way between the near end, which is always the kernel's sockets, and a far end.
type path struct {
	name       string
	near, far  string // addresses, in a subnet of the path's own
	ownNetns   bool   // the far end has a network namespace of its own
	hasOffload bool   // bulk transfers must show super-frames, else the path is not what it claims
	hasInline  bool   // the far end can answer where it receives
	open       func(p path) (endpoint, error)
}

// endpoint is an open far end.
type endpoint struct {
	sockets
	stats func() link.Stats // of its device; nil where that is the kernel's
}

// paths in the order in which they are measured and printed. The first two are what the others are compared with.
var paths = []path{
	{name: "veth", near: "198.51.100.1", far: "198.51.100.2", ownNetns: true, open: openVeth},
	{name: "gvisor", near: "198.51.100.65", far: "198.51.100.66", open: openGVisor},
	{name: "tap", near: "198.51.100.129", far: "198.51.100.130", hasOffload: true, hasInline: true, open: openTAP},
	{name: "tap_plain", near: "198.51.100.193", far: "198.51.100.194", hasInline: true, open: openPlainTAP},
	{name: "packet", near: "203.0.113.1", far: "203.0.113.2", ownNetns: true, hasOffload: true, hasInline: true, open: openPacket},
}

// prefixLen is that of every path's subnet.
const prefixLen = 26

func pathNames() (names []string) {
	for _, p := range paths {
		names = append(names, p.name)
	}
	return names
}

func pathNamed(name string) (path, error) {
	for _, p := range paths {
		if p.name == name {
			return p, nil
		}
	}
	return path{}, fmt.Errorf("no path %q; there are %v", name, pathNames())
}

// device is the name of the near end's interface.
func (p path) device() string { return "b-" + p.name }

// peer is the name of the far end's interface, for a pair of them.
func (p path) peer() string { return "p-" + p.name }

// kernelSockets are package net's.
type kernelSockets struct{}

func (kernelSockets) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

func (kernelSockets) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

// openVeth brings up the peer that the near end has put into this namespace.
func openVeth(p path) (endpoint, error) {
	return endpoint{sockets: kernelSockets{}}, bringUp(p.peer(), p.far)
}

func openTAP(p path) (endpoint, error) { return openOurs(p, tap.Config{}) }

func openPlainTAP(p path) (endpoint, error) { return openOurs(p, tap.Config{NoVnetHdr: true}) }

func openOurs(p path, c tap.Config) (endpoint, error) {
	c.Name = p.device()
	dev, err := tap.Open(c)
	if err != nil {
		return endpoint{}, err
	}
	e, err := newHost(p, dev)
	if err != nil {
		return endpoint{}, err
	}
	return e, bringUp(c.Name, p.near)
}

// openPacket makes a host of ours on AF_PACKET over the peer that the near end has put into this namespace, where the
// kernel has no address and answers nothing.
func openPacket(p path) (endpoint, error) {
	l, err := netlink.LinkByName(p.peer())
	if err != nil {
		return endpoint{}, err
	}
	if err := netlink.LinkSetARPOff(l); err != nil {
		return endpoint{}, err
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return endpoint{}, err
	}
	dev, err := packet.Open(packet.Config{Interface: p.peer()})
	if err != nil {
		return endpoint{}, err
	}
	return newHost(p, dev)
}

// device is a device that counts.
type device interface {
	link.Device
	link.StatsReader
}

// newHost makes a host of ours on dev.
func newHost(p path, dev device) (endpoint, error) {
	h, err := stack.New(stack.Config{Name: p.name})
	if err != nil {
		return endpoint{}, err
	}
	address := netip.PrefixFrom(netip.MustParseAddr(p.far), prefixLen)
	if _, err := h.AddInterface(dev, stack.InterfaceConfig{Addresses: []netip.Prefix{address}, NoIPv6: true}); err != nil {
		return endpoint{}, err
	}
	return endpoint{sockets: h, stats: dev.Stats}, nil
}

// bringUp gives an interface of this namespace its address.
func bringUp(name, address string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(prefixLen, 32)}}
	if err := netlink.AddrAdd(l, a); err != nil {
		return fmt.Errorf("%s: address %s: %w", name, address, err)
	}
	return netlink.LinkSetUp(l)
}
