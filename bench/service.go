//go:build linux

package bench

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"

	"tapestry/bench/internal/lean"
)

// service is what a far end offers to clients, on a port of its own, once with blocking sockets of the kernel and once
// with Go's sockets, of a host of ours or of stock gVisor.
type service struct {
	name, network string
	port          uint16 // or socket

	stream       func(c net.Conn)                                 // serves a connection, on a goroutine of its own
	packets      func(f *far, c packetConn)                       // serves a socket
	kernelStream func(s lean.Socket)                              // serves a connection, on a thread of its own
	kernel       func(f *far, s lean.Socket)                      // serves a socket
	oneByOne     bool                                             // kernelStream serves one connection after the other, on one thread
	inline       func(f *far) inlineHandler                       // in place of packets, where the host can
	start        func(f *far, s sockets, at netip.AddrPort) error // in place of all these: opens its sockets itself
}

// packetConn is what Go's datagram sockets of all stacks have in common.
type packetConn = net.PacketConn

type inlineHandler = func(reply, request []byte, from, to netip.AddrPort) []byte

// services are all that clients talk to.
var services = []service{
	{name: "sink", network: "tcp", port: 9, stream: sink, kernelStream: kernelSink},
	{name: "source", network: "tcp", port: 19, stream: source, kernelStream: kernelSource},
	{name: "echo", network: "tcp", port: 7, stream: echo, kernelStream: kernelEcho},
	{name: "crr", network: "tcp", port: 1007, stream: echo, kernelStream: kernelEcho, oneByOne: true},
	{name: "udp-echo", network: "udp", port: 7, packets: echoPackets, kernel: kernelEchoPackets},
	{name: "udp-inline", network: "udp", port: 8, packets: echoPackets, kernel: kernelEchoPackets, inline: echoInline},
	{name: "udp-sink", network: "udp", port: 9, packets: countPackets, kernel: kernelCountPackets},
	{name: "udp-source", network: "udp", port: 19, packets: sendPackets, kernel: kernelSend},
	{name: "uso-sink", network: "udp", port: 2009, packets: countBlocks, kernel: kernelCountBlocks},
	{name: "uso-source", network: "udp", port: 2019, packets: sendBlocks, kernel: kernelSend},
	{name: "sink-writeto", network: "tcp", port: 2009, stream: sinkWriteTo, kernelStream: kernelSink},
	{name: "source-readfrom", network: "tcp", port: 2019, stream: sourceReadFrom, kernelStream: kernelSource},
	{name: "source-lossy", network: "tcp", port: 3019, stream: source},
	{name: "icmp", network: "icmp"}, // every stack answers by itself
	{name: "http", network: "tcp", port: 80, start: serveHTTP},
	{name: "dns", network: "udp", port: 53, start: serveDNS},
	{name: "hold", network: "tcp", port: 5000, start: serveHold},
	{name: "ipx-inline", network: "ipx", port: 0x9008, start: serveFrameEcho},
	{name: "ipx-sink", network: "ipx", port: 0x9009, start: serveFrameSink},
	{name: "spx-echo", network: "spx", port: 0x8007, start: serveSPX(echo)},
	{name: "spx-sink", network: "spx", port: 0x8009, start: serveSPX(sink)},
}

// onKernel reports whether the kernel's far end has the service.
func (v *service) onKernel() bool { return v.hasKernelSocket() || v.network == "icmp" }

func (v *service) hasKernelSocket() bool { return v.kernel != nil || v.kernelStream != nil }

func serviceNamed(name string) *service {
	for i := range services {
		if services[i].name == name {
			return &services[i]
		}
	}
	return nil
}

// far is a running far end.
type far struct {
	path     *path
	received atomic.Uint64 // datagrams, by a service that counts them
	looks    []func(s *state)
	near     dialer // of the near end, where that is in this process, too
}

// sockets are Go's, of a host of ours or of stock gVisor.
type sockets interface {
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

// inliner answers datagrams where it receives them.
type inliner interface {
	Inline(network, address string, h func(reply, request []byte, from, to netip.AddrPort) []byte) (io.Closer, error)
}

// serve offers all services on Go's sockets, until the process ends.
func (f *far) serve(s sockets) error {
	for i := range services {
		if err := f.offer(&services[i], s); err != nil {
			return err
		}
	}
	return nil
}

func (f *far) offer(v *service, s sockets) error {
	where := netip.AddrPortFrom(f.path.far(), v.port)
	at := where.String()
	if v.start != nil {
		return v.start(f, s, where)
	}
	if v.network == "icmp" {
		return nil
	}
	if v.network == "tcp" {
		l, err := s.Listen("tcp", at)
		if err == nil {
			go accept(l, v.stream)
		}
		return err
	}
	if i, ok := s.(inliner); ok && v.inline != nil {
		_, err := i.Inline("udp", at, v.inline(f))
		return err
	}
	c, err := s.ListenPacket("udp", at)
	if err == nil {
		go v.packets(f, c)
	}
	return err
}

func accept(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}

// datagramSize is room for any datagram of an MTU of 1500.
const datagramSize = 2048

func echoPackets(_ *far, c packetConn) {
	block := make([]byte, datagramSize)
	for {
		n, from, err := c.ReadFrom(block)
		if err != nil {
			return
		}
		c.WriteTo(block[:n], from)
	}
}

func echoInline(*far) inlineHandler {
	return func(reply, request []byte, _, _ netip.AddrPort) []byte { return append(reply, request...) }
}
