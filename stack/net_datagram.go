package stack

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// Message says where a datagram came from and where it went.
type Message struct {
	From      netip.AddrPort // of the sender
	To        netip.AddrPort // as the sender wrote it: one of the host's addresses, a broadcast address or a group
	Interface string         // where it arrived; "lo" from the host itself
	TTL       uint8          // what is left of the hop limit
}

// datagrams is a socket for datagrams: what UDP and raw sockets share.
type datagrams struct {
	socket
	rd  tcpip.SliceWriter // guarded by read's lock
	ttl atomic.Uint32     // as SetTTL has set it
}

// outgoing is the memory that the engine wants for one call; on the stack it would escape.
type outgoing struct {
	payload bytes.Reader
	to      tcpip.FullAddress
}

var outgoingPool = sync.Pool{New: func() any { return new(outgoing) }}

// receive reads one datagram; what does not fit into b is lost.
func (d *datagrams) receive(call string, b []byte) (int, tcpip.ReadResult, error) {
	d.read.Lock()
	defer d.read.Unlock()
	var r tcpip.ReadResult
	err := d.read.do(call, func() (e tcpip.Error) {
		r, e = d.readOne(b)
		return e
	})
	return r.Count, r, err
}

// readOne reads what the engine has. The caller holds read's lock.
func (d *datagrams) readOne(b []byte) (tcpip.ReadResult, tcpip.Error) {
	d.rd = b
	r, e := d.ep.Read(&d.rd, tcpip.ReadOptions{NeedRemoteAddr: true})
	d.rd = nil
	if _, short := e.(*tcpip.ErrBadBuffer); short {
		return r, nil // nothing of the datagram fits into b
	}
	return r, e
}

// send sends one datagram to a, or to the peer if a is nil. Writers do not wait for each other unless the send buffer
// is full.
func (d *datagrams) send(call string, b []byte, a *tcpip.FullAddress) error {
	if err := d.write.Check(); err != nil {
		return err
	}
	o := outgoingPool.Get().(*outgoing)
	defer outgoingPool.Put(o)
	defer o.payload.Reset(nil)
	var opts tcpip.WriteOptions
	if a != nil {
		o.to = *a
		opts.To = &o.to
	}
	e := d.transmit(o, b, opts)
	if _, blocks := e.(*tcpip.ErrWouldBlock); blocks {
		d.write.Lock()
		defer d.write.Unlock()
		return d.write.do(call, func() tcpip.Error { return d.transmit(o, b, opts) })
	}
	return d.write.result(call, e)
}

func (d *datagrams) transmit(o *outgoing, b []byte, opts tcpip.WriteOptions) tcpip.Error {
	o.payload.Reset(b)
	_, e := d.ep.Write(&o.payload, opts)
	return e
}

// destination checks a destination against the socket, with package net's errors.
func (d *datagrams) destination(call string, a netip.AddrPort) (tcpip.FullAddress, error) {
	if d.peer != nil {
		return tcpip.FullAddress{}, net.ErrWriteToConnected
	}
	if !a.IsValid() {
		return tcpip.FullAddress{}, errMissingAddress
	}
	if d.family.v6only && a.Addr().Unmap().Is4() && !a.Addr().IsUnspecified() {
		return tcpip.FullAddress{}, os.NewSyscallError(call, syscall.ENETUNREACH)
	}
	return d.host.remote(d.family, a)
}

// message reads what the engine tells beside the data.
func (d *datagrams) message(r *tcpip.ReadResult) Message {
	m := Message{From: d.host.addrPort(r.RemoteAddr), Interface: d.host.zoneName(r.RemoteAddr.NIC)}
	c := &r.ControlMessages
	to := tcpip.FullAddress{NIC: r.RemoteAddr.NIC}
	switch {
	case c.HasIPPacketInfo:
		to.Addr = c.PacketInfo.DestinationAddr
	case c.HasIPv6PacketInfo:
		to.Addr = c.IPv6PacketInfo.Addr
	}
	m.To = d.host.addrPort(to)
	switch {
	case c.HasTTL:
		m.TTL = c.TTL
	case c.HasHopLimit:
		m.TTL = c.HopLimit
	}
	return m
}

// receiveInfo asks the engine for all that message reads.
func (d *datagrams) receiveInfo() {
	o := d.ep.SocketOptions()
	o.SetReceivePacketInfo(true)
	o.SetReceiveTTL(true)
	if d.family.proto == header.IPv6ProtocolNumber {
		o.SetIPv6ReceivePacketInfo(true)
		o.SetReceiveHopLimit(true)
	}
}

// SetTTL sets the hop limit of what is sent to one station; 0 means the host's default.
func (d *datagrams) SetTTL(ttl uint8) error {
	return d.set(func() tcpip.Error {
		v4, v6 := int(ttl), int(ttl)
		if ttl == 0 {
			v4, v6 = tcpip.UseDefaultIPv4TTL, tcpip.UseDefaultIPv6HopLimit
		}
		if e := d.ep.SetSockOptInt(tcpip.IPv4TTLOption, v4); e != nil {
			return e
		}
		d.ttl.Store(uint32(ttl))
		return d.ep.SetSockOptInt(tcpip.IPv6HopLimitOption, v6)
	})
}

// SetOutgoingInterface has everything sent through the named interface, as a client needs that has no route and no
// address yet; an empty name takes it back. What is received does not depend on it.
func (d *datagrams) SetOutgoingInterface(name string) error {
	id, err := d.interfaceID(name)
	if err != nil {
		return err
	}
	return d.set(func() tcpip.Error { return d.ep.SocketOptions().SetBindToDevice(int32(id)) })
}

// interfaceID is 0 for an empty name.
func (d *datagrams) interfaceID(name string) (tcpip.NICID, error) {
	id := d.host.zoneID(name)
	if id == 0 && name != "" {
		return 0, &net.OpError{Op: "route", Net: d.net, Source: d.local, Err: &net.AddrError{Err: "no such interface", Addr: name}}
	}
	return id, nil
}
