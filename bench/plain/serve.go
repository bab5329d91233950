package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
)

// sockets are what the far end serves on: the kernel's, stock gVisor's or ours.
type sockets interface {
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

// inliner is a network that answers datagrams where it receives them.
type inliner interface {
	Inline(network, address string, h func(reply, request []byte, from, to netip.AddrPort) []byte) (io.Closer, error)
}

// serve answers all works of a path until the process ends.
func serve(s sockets, p path) error {
	for port, handle := range map[string]func(net.Conn){"9": sink, "19": source, "7": echo} {
		l, err := s.Listen("tcp", net.JoinHostPort(p.far, port))
		if err != nil {
			return err
		}
		go accept(l, handle)
	}
	c, err := s.ListenPacket("udp", net.JoinHostPort(p.far, "7"))
	if err != nil {
		return err
	}
	go echoPackets(c)
	if !p.hasInline {
		return nil
	}
	_, err = s.(inliner).Inline("udp", net.JoinHostPort(p.far, "8"), func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(reply, request...)
	})
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

// sink counts what comes and says how much it was.
func sink(c net.Conn) {
	block := make([]byte, blockSize)
	var count uint64
	for {
		n, err := c.Read(block)
		count += uint64(n)
		if errors.Is(err, io.EOF) {
			c.Write(binary.BigEndian.AppendUint64(nil, count))
			return
		}
		if err != nil {
			return
		}
	}
}

func source(c net.Conn) {
	block := make([]byte, blockSize)
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}

func echo(c net.Conn) {
	block := make([]byte, 2048)
	for {
		n, err := c.Read(block)
		if err != nil {
			return
		}
		if _, err := c.Write(block[:n]); err != nil {
			return
		}
	}
}

func echoPackets(c net.PacketConn) {
	block := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(block)
		if err != nil {
			return
		}
		c.WriteTo(block[:n], from)
	}
}
