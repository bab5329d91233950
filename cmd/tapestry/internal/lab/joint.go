package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	"tapestry/link"
	"tapestry/link/dgram"
	"tapestry/link/ipxtunnel"
	"tapestry/link/qemu"
	"tapestry/link/vxlan"
)

// To add what can join a segment: its table in file.go, its check in checkjoint.go, its arm in openJoint.

// joint opens what joins others to a segment.
func (l *Lab) joint(j *JointPlan) error {
	if j.Replay != nil {
		return l.replayPort(j)
	}
	dev, err := openJoint(j, l.log.With(j.At.Kind, j.Name))
	if err != nil {
		return fmt.Errorf("lab: %s %s: %w", j.At.Kind, j.Name, err)
	}
	if err := l.bridge(j.At, l.watch(dev, j.At.Kind+" "+j.Name)); err != nil {
		return err
	}
	if d, ok := dev.(*dgram.Device); ok {
		p := l.buses[j.At.Segment].port(j.At)
		p.isThere = func() bool { return d.Peer() != nil }
		p.SetFilter(func([]byte) bool { return p.isThere() })
	}
	if j.Tunnel != nil {
		l.tunnelPort(j, dev)
	}
	return nil
}

func openJoint(j *JointPlan, log *slog.Logger) (link.Device, error) {
	mtu := j.At.Segment.MTU
	switch {
	case j.VXLAN != nil:
		return openVXLAN(j, log)
	case j.Tunnel != nil:
		return dialTunnel(j, log)
	case j.Unixgram != nil:
		return openDatagram(j.Name, mtu, Socket{Path: j.Unixgram.Path}, Socket{Path: j.Unixgram.Peer})
	case j.QEMU.Mode == "dgram":
		return openDatagram(j.Name, mtu, j.QEMU.Listen, j.QEMU.Connect)
	}
	return openStream(j.QEMU, qemu.Config{Name: j.Name, MTU: mtu, Log: log})
}

// openVXLAN opens the machine's own UDP socket, in the lab's network namespace.
func openVXLAN(j *JointPlan, log *slog.Logger) (link.Device, error) {
	v := j.VXLAN
	conn, err := net.ListenUDP("udp", udpAddr(v.Local))
	if err != nil {
		return nil, err
	}
	d, err := vxlan.New(vxlan.Config{
		Conn: conn, VNI: v.VNI, Name: j.Name, Peers: v.Peers, Allow: v.Allow, Group: v.Group, Interface: v.Interface, Age: v.Age,
		TTL: v.TTL, TOS: v.TOS, MTU: j.At.Segment.MTU, UnderlayMTU: v.UnderlayMTU, Tags: len(j.At.VLAN.Trunk) > 0, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return d, nil
}

// dialTunnel opens the machine's own UDP sockets, likewise.
func dialTunnel(j *JointPlan, log *slog.Logger) (link.Device, error) {
	if p := j.Tunnel.Client; p != nil {
		c := *p
		c.Name, c.Log = j.Name, log
		c.Listen = func() (net.PacketConn, error) { return net.ListenUDP("udp", nil) }
		d, err := ipxtunnel.NewClient(c)
		if err != nil {
			return nil, err // not a device that is nil inside
		}
		return d, nil
	}
	c := *j.Tunnel.Server
	c.Name, c.Log = j.Name, log
	conn, err := net.ListenUDP("udp", udpAddr(j.Tunnel.Listen))
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	d, err := ipxtunnel.NewServer(c)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return d, nil
}

func udpAddr(a netip.AddrPort) *net.UDPAddr {
	if !a.Addr().IsValid() {
		return &net.UDPAddr{Port: int(a.Port())}
	}
	return net.UDPAddrFromAddrPort(a)
}

// openDatagram opens our socket; to says where the other's is, if it is not who sends first.
func openDatagram(name string, mtu int, at, to Socket) (link.Device, error) {
	c := dgram.Config{Name: name, MTU: mtu}
	var err error
	if at.Path != "" {
		var s *dgram.Socket
		if s, err = dgram.ListenUnix(at.Path); err == nil {
			c.Conn = s
		}
		if to.Path != "" {
			c.Remote = &net.UnixAddr{Name: to.Path, Net: "unixgram"}
		}
	} else {
		c.Conn, err = net.ListenUDP("udp", udpAddr(at.Addr))
		c.Remote = udpAddr(to.Addr)
	}
	if err != nil {
		return nil, err
	}
	d, err := dgram.New(c)
	if err != nil {
		return nil, errors.Join(err, c.Conn.Close())
	}
	return d, nil
}

// openStream waits for the virtual machine, or dials it until it is there.
func openStream(q *QEMUPlan, c qemu.Config) (link.Device, error) {
	if !q.Listen.IsZero() {
		listener, err := listenStream(q.Listen)
		if err != nil {
			return nil, err
		}
		d, err := qemu.Listen(listener, c)
		if err != nil {
			return nil, errors.Join(err, listener.Close())
		}
		return d, nil
	}
	network, address := q.Connect.dial()
	d, err := qemu.Dial(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) }, c)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// dial gives what package net wants to know.
func (s Socket) dial() (network, address string) {
	if s.Path != "" {
		return "unix", s.Path
	}
	return "tcp", s.Addr.String()
}

// listenStream makes a socket that its owner alone may open, and takes over the file of a process that has ended.
func listenStream(s Socket) (net.Listener, error) {
	network, address := s.dial()
	c := net.ListenConfig{Control: func(network, _ string, raw syscall.RawConn) (err error) {
		if network != "unix" {
			return nil
		}
		// unix(7): the file is made with the socket's mode.
		return errors.Join(raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := c.Listen(context.Background(), network, address)
	if errors.Is(err, syscall.EADDRINUSE) && s.isStale() {
		if err := os.Remove(s.Path); err != nil {
			return nil, err
		}
		l, err = c.Listen(context.Background(), network, address)
	}
	return l, err
}

// isStale reports whether the path is a socket at which nobody listens.
func (s Socket) isStale() bool {
	info, err := os.Lstat(s.Path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := net.Dial("unix", s.Path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
