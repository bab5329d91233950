package stack

import (
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// JoinGroup has the socket receive what is sent to the group on the named interface, or on all interfaces if the name
// is empty, and tells the routers there (RFC 3376, RFC 3810).
func (c *UDPConn) JoinGroup(iface string, group netip.Addr) error {
	return c.membership(iface, group, func(id tcpip.NICID) tcpip.Error {
		c.host.wantGroup(id, group)
		return c.ep.SetSockOpt(&tcpip.AddMembershipOption{NIC: id, MulticastAddr: toAddress(group)})
	})
}

// LeaveGroup takes JoinGroup back.
func (c *UDPConn) LeaveGroup(iface string, group netip.Addr) error {
	return c.membership(iface, group, func(id tcpip.NICID) tcpip.Error {
		return c.ep.SetSockOpt(&tcpip.RemoveMembershipOption{NIC: id, MulticastAddr: toAddress(group)})
	})
}

func (c *UDPConn) membership(iface string, group netip.Addr, change func(tcpip.NICID) tcpip.Error) error {
	if !group.IsMulticast() {
		return c.opError("set", nil, &net.AddrError{Err: "not a group address", Addr: group.String()})
	}
	id, err := c.interfaceID(iface)
	if err != nil {
		return err
	}
	ids := []tcpip.NICID{id}
	if id == 0 {
		ids = nil
		for _, i := range c.host.sortedInterfaces() {
			ids = append(ids, i.id)
		}
	}
	return c.set(func() tcpip.Error {
		for _, id := range ids {
			if e := change(id); e != nil {
				return e
			}
		}
		return nil
	})
}

// SetMulticastInterface sets the interface through which groups are sent to; an empty name leaves it to the routes.
func (c *UDPConn) SetMulticastInterface(iface string) error {
	id, err := c.interfaceID(iface)
	if err != nil {
		return err
	}
	return c.set(func() tcpip.Error {
		if e := c.ep.SetSockOpt(&tcpip.MulticastInterfaceOption{NIC: id}); e != nil {
			return e
		}
		if c.family.proto != header.IPv6ProtocolNumber {
			return nil
		}
		return c.ep.SetSockOptInt(tcpip.IPv6MulticastInterfaceOption, int(id))
	})
}

// SetMulticastTTL sets the hop limit of what is sent to groups; the default is 1.
func (c *UDPConn) SetMulticastTTL(ttl uint8) error {
	return c.set(func() tcpip.Error { return c.ep.SetSockOptInt(tcpip.MulticastTTLOption, int(ttl)) })
}

// SetMulticastLoopback says whether sockets of this host receive what this socket sends to groups; the default is yes.
func (c *UDPConn) SetMulticastLoopback(on bool) error {
	return c.set(func() tcpip.Error {
		c.ep.SocketOptions().SetMulticastLoop(on)
		return nil
	})
}
