package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"tapestry/apps"
)

// maxRequest bounds the requests that are read over UDP: a question and some options need less.
const maxRequest = 4096

// sockets are what the server listens on. Without forwarding a datagram is answered on the goroutine that received it.
// With it, an answer can have to wait for another server, and the port is read by goroutines of this app.
type sockets struct {
	inline  []io.Closer
	packets []net.PacketConn
	streams []net.Listener
}

// open opens each address for UDP and TCP.
func (s *server) open(c apps.Config) error {
	hosts := []string{""}
	if len(s.cfg.Address) > 0 {
		hosts = hosts[:0]
	}
	for _, a := range s.cfg.Address {
		hosts = append(hosts, a.String())
	}
	for i, h := range hosts {
		if err := s.openHost(h); err != nil {
			key := "port"
			if len(s.cfg.Address) > 0 {
				key = fmt.Sprintf("address[%d]", i)
			}
			return apps.InvalidErr(c, key, err, "choose an address of this host, and a port that nothing else uses")
		}
	}
	return nil
}

// openHost uses one port for both. Where the configuration leaves it open, TCP takes the one that UDP got, and both try
// another if somebody has that.
func (s *server) openHost(host string) error {
	const tries = 16
	for i := range tries {
		err := s.openBoth(host)
		switch {
		case err == nil:
			return nil
		case s.cfg.Port != 0 || i == tries-1:
			return fmt.Errorf("dns: %w", err)
		}
	}
	return nil
}

func (s *server) openBoth(host string) error {
	c, local, err := s.openDatagrams(net.JoinHostPort(host, strconv.Itoa(int(s.cfg.Port))))
	if err != nil {
		return err
	}
	p := int(s.cfg.Port)
	if p == 0 {
		p = portOf(local)
	}
	l, err := s.env.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p)))
	if err != nil {
		_ = c.Close()
		return err
	}
	if pc, ok := c.(net.PacketConn); ok {
		s.socks.packets = append(s.socks.packets, pc)
	} else {
		s.socks.inline = append(s.socks.inline, c)
	}
	s.socks.streams = append(s.socks.streams, l)
	return nil
}

// portOf is the port of a UDP socket.
func portOf(a net.Addr) int {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.Port
	}
	return 0
}

// openDatagrams gives the local address too, if the network tells it.
func (s *server) openDatagrams(address string) (io.Closer, net.Addr, error) {
	if s.forward != nil {
		c, err := s.env.ListenPacket("udp", address)
		if err != nil {
			return nil, nil, err
		}
		return c, c.LocalAddr(), nil
	}
	c, err := s.env.Inline("udp", address, s.inline)
	if err != nil {
		return nil, nil, err
	}
	if l, ok := c.(interface{ LocalAddr() net.Addr }); ok {
		return c, l.LocalAddr(), nil
	}
	return c, nil, nil
}

func (k *sockets) close() {
	for _, c := range k.inline {
		_ = c.Close()
	}
	for _, c := range k.packets {
		_ = c.Close()
	}
	for _, c := range k.streams {
		_ = c.Close()
	}
}

// serveSockets returns when the context ends, or earlier with the error of a socket, and when all sessions ended.
func (s *server) serveSockets(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(s.socks.streams)+len(s.socks.packets))
	var wg sync.WaitGroup
	for _, l := range s.socks.streams {
		limits := apps.Limits{Sessions: s.cfg.MaxSessions, Idle: s.cfg.IdleTimeout.Duration, Clock: s.env.Clock(), Counters: s.counters}
		wg.Go(func() { // ends with the context
			errs <- apps.ServeStream(ctx, s.log, l, s.session, limits)
			cancel()
		})
	}
	for _, c := range s.socks.packets {
		wg.Go(func() { // ends with the context
			errs <- s.servePackets(ctx, c)
			cancel()
		})
	}
	<-ctx.Done()
	s.socks.close()
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// inline answers a datagram on the goroutine that received it.
func (s *server) inline(reply, request []byte, from, to netip.AddrPort) []byte {
	if !s.wanted(from, to) {
		return nil
	}
	var q query
	out, _ := s.respond(reply, &q, request, from, false)
	return out
}

// wanted drops what no resolver sends: port 0 cannot be answered, and ports of services that answer everything would
// make a loop of two servers. Groups are not asked.
func (s *server) wanted(from, to netip.AddrPort) bool {
	s.counters.Add(countUDP, 1)
	switch from.Port() {
	case 0, 7, 13, 17, 19, 37:
		s.counters.Add(countBadSource, 1)
		return false
	}
	if from.Addr().IsMulticast() || to.Addr().IsMulticast() {
		s.counters.Add(countBadSource, 1)
		return false
	}
	return true
}

// servePackets answers the datagrams of one socket; those that another server has to be asked for do not hold up the
// others.
func (s *server) servePackets(ctx context.Context, c net.PacketConn) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	request, reply := make([]byte, maxRequest), make([]byte, 0, maxRequest)
	for {
		n, peer, err := c.ReadFrom(request)
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return nil
		}
		from, ok := peerOf(peer)
		if err != nil || !ok {
			s.pause(ctx, err)
			continue
		}
		if s.wanted(from, netip.AddrPort{}) {
			s.answerPacket(ctx, &asking, c, peer, from, reply, request[:n])
		}
	}
}

// answerPacket sends the answer, or starts to ask for it.
func (s *server) answerPacket(ctx context.Context, asking *sync.WaitGroup, c net.PacketConn, peer net.Addr, from netip.AddrPort, reply, request []byte) {
	defer s.recovered()
	var q query
	out, recurse := s.respond(reply, &q, request, from, false)
	switch {
	case recurse && s.forward.enter():
		msg := append([]byte(nil), request...)
		asking.Go(func() { // ends with the answer, or with the last server's time
			defer s.forward.leave()
			defer s.recovered()
			_, _ = c.WriteTo(s.recurse(ctx, msg, false), peer) // datagrams can be lost
		})
	case recurse:
		s.counters.Add(countBusy, 1) // the client asks again
	case len(out) > 0:
		_, _ = c.WriteTo(out, peer)
	}
}

// pause keeps an error that stays from taking a core.
func (s *server) pause(ctx context.Context, err error) {
	if err == nil {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Millisecond):
	}
}

func peerOf(a net.Addr) (netip.AddrPort, bool) {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	p := u.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), true
}

// recovered keeps a bug that one request finds from ending the server.
func (s *server) recovered() {
	if p := recover(); p != nil {
		s.counters.Add("panics", 1)
		s.log.Error("dns: a request was not answered", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}
