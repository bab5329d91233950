package vxlan

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Options of a socket, beside net.PacketConn. Our hosts' sockets have all but SetTOS.
type (
	ttlSetter interface{ SetTTL(ttl uint8) error }
	tosSetter interface{ SetTOS(tos uint8) error }
	groupConn interface {
		JoinGroup(iface string, group netip.Addr) error
		SetMulticastInterface(iface string) error
		SetMulticastTTL(ttl uint8) error
		SetMulticastLoopback(on bool) error
	}
)

// configure sets the options that c asks for, and only those.
func configure(c Config) error {
	var options any = c.Conn
	if u, ok := c.Conn.(*net.UDPConn); ok {
		if err := setSocket(u, c); err != nil {
			return err
		}
		options = machineSocket{u}
	} else if c.ZeroChecksum {
		return fmt.Errorf("vxlan: Config.ZeroChecksum is not for a %T: only the machine's own socket has the option", c.Conn)
	}
	if c.TTL != 0 {
		o, ok := options.(ttlSetter)
		if err := try(ok, c.Conn, "TTL", func() error { return o.SetTTL(c.TTL) }); err != nil {
			return err
		}
	}
	if c.TOS != 0 {
		o, ok := options.(tosSetter)
		if err := try(ok, c.Conn, "TOS", func() error { return o.SetTOS(c.TOS) }); err != nil {
			return err
		}
	}
	if c.Group.IsValid() {
		o, ok := options.(groupConn)
		return try(ok, c.Conn, "Group", func() error { return join(o, c) })
	}
	return nil
}

// try sets one option of conn, if it has it.
func try(has bool, conn net.PacketConn, field string, set func() error) error {
	if !has {
		return fmt.Errorf("vxlan: Config.%s is set, but a %T has no such option", field, conn)
	}
	if err := set(); err != nil {
		return fmt.Errorf("vxlan: Config.%s: %w", field, err)
	}
	return nil
}

// join makes the socket part of the group (RFC 7348 §4.2). What it sends does not come back.
func join(o groupConn, c Config) error {
	if err := o.JoinGroup(c.Interface, c.Group.Addr()); err != nil {
		return err
	}
	if c.Interface != "" {
		if err := o.SetMulticastInterface(c.Interface); err != nil {
			return err
		}
	}
	if err := o.SetMulticastLoopback(false); err != nil {
		return err
	}
	return o.SetMulticastTTL(max(c.TTL, 1))
}

// machineSocket gives the options of the machine's own UDP socket. A socket for both families has both sets of
// options; each is for the packets of its family.
type machineSocket struct{ *net.UDPConn }

func (s machineSocket) families() (v4, v6 bool) {
	a, ok := s.LocalAddr().(*net.UDPAddr)
	if !ok || a.IP.To4() != nil {
		return true, false
	}
	if _, err := ipv6.NewPacketConn(s.UDPConn).HopLimit(); err != nil {
		return true, false
	}
	return a.IP.IsUnspecified(), true
}

// each calls the setter of each family that the socket has. A socket for IPv6 alone may refuse options of IPv4.
func (s machineSocket) each(set4, set6 func() error) error {
	v4, v6 := s.families()
	if v6 {
		if v4 {
			_ = set4()
		}
		return set6()
	}
	return set4()
}

// SetTTL implements ttlSetter.
func (s machineSocket) SetTTL(ttl uint8) error {
	return s.each(func() error { return ipv4.NewPacketConn(s.UDPConn).SetTTL(int(ttl)) },
		func() error { return ipv6.NewPacketConn(s.UDPConn).SetHopLimit(int(ttl)) })
}

// SetTOS implements tosSetter.
func (s machineSocket) SetTOS(tos uint8) error {
	return s.each(func() error { return ipv4.NewPacketConn(s.UDPConn).SetTOS(int(tos)) },
		func() error { return ipv6.NewPacketConn(s.UDPConn).SetTrafficClass(int(tos)) })
}

// JoinGroup implements groupConn.
func (s machineSocket) JoinGroup(iface string, group netip.Addr) error {
	ifi, err := named(iface)
	if err != nil {
		return err
	}
	to := &net.UDPAddr{IP: group.AsSlice()}
	if group.Is4() {
		return ipv4.NewPacketConn(s.UDPConn).JoinGroup(ifi, to)
	}
	return ipv6.NewPacketConn(s.UDPConn).JoinGroup(ifi, to)
}

// SetMulticastInterface implements groupConn.
func (s machineSocket) SetMulticastInterface(iface string) error {
	ifi, err := named(iface)
	if err != nil {
		return err
	}
	return s.each(func() error { return ipv4.NewPacketConn(s.UDPConn).SetMulticastInterface(ifi) },
		func() error { return ipv6.NewPacketConn(s.UDPConn).SetMulticastInterface(ifi) })
}

// SetMulticastTTL implements groupConn.
func (s machineSocket) SetMulticastTTL(ttl uint8) error {
	return s.each(func() error { return ipv4.NewPacketConn(s.UDPConn).SetMulticastTTL(int(ttl)) },
		func() error { return ipv6.NewPacketConn(s.UDPConn).SetMulticastHopLimit(int(ttl)) })
}

// SetMulticastLoopback implements groupConn.
func (s machineSocket) SetMulticastLoopback(on bool) error {
	return s.each(func() error { return ipv4.NewPacketConn(s.UDPConn).SetMulticastLoopback(on) },
		func() error { return ipv6.NewPacketConn(s.UDPConn).SetMulticastLoopback(on) })
}

// named gives the interface of a name, nil for the empty one.
func named(name string) (*net.Interface, error) {
	if name == "" {
		return nil, nil
	}
	return net.InterfaceByName(name)
}
