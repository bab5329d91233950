package stack

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"tapestry/link"
	"tapestry/link/ethernet"
)

// Interface is a host's port to a device.
type Interface struct {
	host *Host
	id   tcpip.NICID
	name string
	nic  *nic

	readers sync.WaitGroup
	done    chan struct{} // closed with the interface
	watched bool          // under the host's mu: followLink runs
	dadMu   sync.Mutex    // one change of the DAD configuration at a time
}

// InterfaceInfo describes an interface as it is at one moment.
type InterfaceInfo struct {
	Name      string         `json:"name"`
	Index     int            `json:"index"`
	Link      ethernet.Addr  `json:"-"`
	MTU       int            `json:"mtu"`
	Up        bool           `json:"up"`
	Addresses []netip.Prefix `json:"addresses"`
	Rx        link.Offload   `json:"-"`
	Tx        link.Offload   `json:"-"`
	Device    link.Stats     `json:"device"`
}

// AddInterface connects the host to dev, which it owns from then on: it reads it and closes it. On an error dev is
// closed too, and nothing of the interface stays.
func (h *Host) AddInterface(dev link.Device, c InterfaceConfig) (*Interface, error) {
	i, err := h.newInterface(dev, c)
	if err != nil {
		dev.Close()
		return nil, err
	}
	if err := i.configure(c); err != nil {
		h.remove(i)
		return nil, err
	}
	return i, nil
}

func (h *Host) newInterface(dev link.Device, c InterfaceConfig) (*Interface, error) {
	info := dev.Info()
	defaultTo(&c.Name, info.Name)
	defaultTo(&c.Addr, info.Addr)
	if c.Addr.IsZero() {
		c.Addr = randomAddr()
	}
	if c.Addr.IsMulticast() {
		return nil, fmt.Errorf("stack: %s: %s is a group address", c.Name, c.Addr)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, fmt.Errorf("stack: interface %s: the host is closed: %w", c.Name, net.ErrClosed)
	}
	i := &Interface{host: h, id: h.nextID, name: c.Name, done: make(chan struct{})}
	i.nic = newNIC(i, dev, c)
	h.ndp.tell(i.id, &i.nic.wants)
	if e := h.ns.CreateNICWithOptions(i.id, i.nic, netstack.NICOptions{Name: i.name, QDisc: i.nic}); e != nil {
		return nil, fmt.Errorf("stack: interface %s: %s", i.name, e)
	}
	h.nextID++
	h.interfaces[i.id] = i
	return i, nil
}

// configure gives the interface its addresses and routes and starts its readers.
func (i *Interface) configure(c InterfaceConfig) error {
	if err := i.nic.bind(); err != nil {
		return err
	}
	i.setNDP(c)
	if err := i.startReaders(); err != nil {
		return err
	}
	for _, p := range c.Addresses {
		if m := i.nic.deviceInfo().MTU; p.Addr().Is6() && m < minMTU6 {
			return fmt.Errorf("stack: interface %s: address %s: IPv6 needs an MTU of %d (RFC 8200 §5), the device has %d", i.name, p, minMTU6, m)
		}
		if err := i.addAddress(p); err != nil {
			return err
		}
	}
	for _, g := range c.Gateways {
		if err := i.host.addGateway(i.name, g); err != nil {
			return err
		}
	}
	return nil
}

// startReaders starts one reader a queue; it ends when the device is closed, which the host's Close does.
func (i *Interface) startReaders() error {
	i.host.mu.Lock()
	defer i.host.mu.Unlock()
	if i.host.closed {
		return fmt.Errorf("stack: interface %s: the host is closed: %w", i.name, net.ErrClosed)
	}
	for _, q := range i.nic.queues {
		i.readers.Go(func() { i.nic.read(q) })
	}
	return nil
}

// remove undoes newInterface.
func (h *Host) remove(i *Interface) {
	h.mu.Lock()
	delete(h.interfaces, i.id)
	h.mu.Unlock()
	h.ns.RemoveRoutes(func(r tcpip.Route) bool { return r.NIC == i.id })
	h.ns.RemoveNIC(i.id)
	h.shortcuts.changed()
	i.close()
}

// close closes the device and waits for its readers.
func (i *Interface) close() error {
	close(i.done)
	i.nic.acks.close()
	err := i.nic.dev.Close()
	i.readers.Wait()
	i.nic.handlers.close()
	return err
}

// Name is the interface's name.
func (i *Interface) Name() string { return i.name }

// Interfaces describes all interfaces but the loopback one, in the order in which they were added.
func (h *Host) Interfaces() []InterfaceInfo {
	var infos []InterfaceInfo
	for _, i := range h.sortedInterfaces() {
		infos = append(infos, i.info())
	}
	return infos
}

func (i *Interface) info() InterfaceInfo {
	d := i.nic.dev.Info()
	r := InterfaceInfo{
		Name: i.name, Index: int(i.id), Link: i.nic.addr, MTU: d.MTU, Up: d.Up,
		Addresses: i.addresses(), Rx: d.Rx, Tx: d.Tx,
	}
	if s, ok := i.nic.dev.(link.StatsReader); ok {
		r.Device = s.Stats()
	}
	return r
}

// addresses lists the addresses that are assigned, without those of groups and of everybody.
func (i *Interface) addresses() []netip.Prefix {
	var ps []netip.Prefix
	for _, a := range i.host.ns.AllAddresses()[i.id] {
		p := netip.PrefixFrom(fromAddress(a.AddressWithPrefix.Address), a.AddressWithPrefix.PrefixLen)
		if p.IsValid() && !p.Addr().IsMulticast() && p.Addr() != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			ps = append(ps, p)
		}
	}
	return ps
}

func (h *Host) sortedInterfaces() []*Interface {
	h.mu.Lock()
	defer h.mu.Unlock()
	is := make([]*Interface, 0, len(h.interfaces))
	for _, i := range h.interfaces {
		is = append(is, i)
	}
	slices.SortFunc(is, func(a, b *Interface) int { return int(a.id) - int(b.id) })
	return is
}

// randomAddr makes a unicast, locally administered address.
func randomAddr() (a ethernet.Addr) {
	rand.Read(a[:])
	a[0] = a[0]&^1 | 2
	return a
}
