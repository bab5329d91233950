//go:build linux

package bench

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"tapestry/internal/procs"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/packet"
	"tapestry/link/tap"
	"tapestry/stack"

	"github.com/vishvananda/netlink"
)

func openTAP(f *far) error       { return openOurs(f, tap.Config{}) }
func openPlainTAP(f *far) error  { return openOurs(f, tap.Config{NoVnetHdr: true}) }
func openQueuedTAP(f *far) error { return openOurs(f, tap.Config{Queues: 2}) }

func openOurs(f *far, c tap.Config) error {
	c.Name = f.path.device()
	dev, err := tap.Open(c)
	if err != nil {
		return err
	}
	if c.Queues > 1 {
		f.watch(func(s *state) { s.Queues, s.Mode = dev.QueueStats(), "steering by "+dev.Help().Steering.String() })
	}
	return f.serveHost(dev)
}

// openPacket makes a host of ours on AF_PACKET over the peer that was put into this namespace, where the kernel has no
// address and answers nothing.
func openPacket(f *far) error {
	if err := quietPeer(f.path); err != nil {
		return err
	}
	dev, err := packet.Open(packet.Config{Interface: f.path.peer()})
	if err != nil {
		return err
	}
	return f.serveHost(dev)
}

// quietPeer brings up the far end of a pair for a stack in user space: the kernel keeps silent on it.
func quietPeer(p *path) error {
	l, err := netlink.LinkByName(p.peer())
	if err != nil {
		return err
	}
	return quiet(l)
}

// quiet brings up an interface on which the kernel keeps silent.
func quiet(l netlink.Link) error {
	if err := netlink.LinkSetARPOff(l); err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// device is a device that counts.
type device interface {
	link.Device
	link.StatsReader
}

// spinner is a device whose reader may go on trying for a while before it waits.
type spinner interface{ SpinStats() (spins, hits uint64) }

// Names of its counters, beside the host's.
const (
	spins    = "device.spins"
	spinHits = "device.spinhits"
)

// serveHost makes a host of ours on dev, and serves on it.
func (f *far) serveHost(dev device) error {
	h, err := f.path.newHost(f.path.name, dev, f.path.far())
	if err != nil {
		return err
	}
	f.watch(func(s *state) {
		d := dev.Stats()
		s.Device, s.Host = &d, map[string]uint64{}
		for _, c := range h.Stats() {
			s.Host[c.Name] = c.Value
		}
		if d, ok := dev.(spinner); ok {
			s.Host[spins], s.Host[spinHits] = d.SpinStats()
		}
	})
	if err := f.serve(h); err != nil {
		return err
	}
	startProcs()
	return nil
}

// startProcs changes GOMAXPROCS with the load, as tapestry run does, until the process ends.
func startProcs() { procs.Start(procs.Config{Env: os.Getenv("GOMAXPROCS")}) }

func newHost(name string, dev link.Device, at netip.Prefix) (*stack.Host, *stack.Interface, error) {
	h, err := stack.New(stack.Config{Name: name})
	if err != nil {
		return nil, nil, err
	}
	i, err := h.AddInterface(dev, stack.InterfaceConfig{Addresses: []netip.Prefix{at}, NoIPv6: true})
	return h, i, err
}

// furnishTAP gives the kernel's side of a TAP its address.
func furnishTAP(p *path) error { return bringUp(p.device(), p.near()) }

// bringUp gives an interface of this namespace its address.
func bringUp(name string, address netip.Addr) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(prefixLen, 32)}}
	if err := netlink.AddrAdd(l, a); err != nil {
		return fmt.Errorf("%s: address %s: %w", name, address, err)
	}
	return netlink.LinkSetUp(l)
}

// stationAddr is the hardware address of far ends that do not choose one.
var stationAddr = ethernet.Addr{2, 0, 0, 0, 0, 2}
