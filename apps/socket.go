package apps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"tapestry/internal/ipxwire"
)

// Socket is a key that turns a network of IPX on for an app: true takes the socket that the app has by itself, a string
// names another one in hexadecimal. What stands in it before it is decoded is the app's own.
type Socket struct {
	Number ipxwire.Socket
	On     bool
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Socket) UnmarshalText(b []byte) error {
	switch text := string(b); text {
	case "true", "false":
		s.On = text == "true"
		return nil
	}
	n, err := ipxwire.ParseSocket(string(b))
	if err != nil || n == 0 {
		return fmt.Errorf("not a socket: %q", b)
	}
	*s = Socket{Number: n, On: true}
	return nil
}

// takesBool says that the text of true and false is read, too.
func (*Socket) takesBool() {}

// Address is what Listen and ListenPacket take: that socket on every network of the host.
func (s Socket) Address() string { return fmt.Sprintf(":%04x", uint16(s.Number)) }

// InvalidSocket is [InvalidErr] for a key of type Socket whose socket cannot be had.
func InvalidSocket(c Config, key string, cause error) error {
	remedy := "or leave this key out"
	if errors.Is(cause, syscall.EADDRINUSE) {
		remedy = "choose another socket, or turn off what has it"
	}
	return InvalidErr(c, key, cause, remedy)
}

// needsIPX reports whether only a host of ours can have the network.
func needsIPX(network string) bool { return network == "spx" || network == "ipx" }

var errNoIPX = errors.New("the machine's own sockets have no IPX; run the app in a lab, on a host with ipx at an interface")

// ServeAll runs the parts of a server side by side. When ctx ends, or one of them does, the others get a context that
// has ended; ServeAll returns after the last of them, with all their errors.
func ServeAll(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(parts))
	for _, serve := range parts {
		go func() { // ends with ctx
			defer cancel()
			ended <- serve(ctx)
		}()
	}
	var errs []error
	for range parts {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// maxPacket is more than any packet carries.
const maxPacket = 64 << 10

// Answer answers one datagram: it appends the answer to reply, which has length zero, and returns it; a result of
// length zero sends nothing. It may keep neither reply nor request.
type Answer = func(reply, request []byte, from net.Addr) []byte

// ServePackets answers the datagrams of c on one goroutine, the caller's, one after the other, until the context ends,
// and closes c. A datagram that answer panics on is logged and dropped. It is for the networks that have no
// [Network].Inline.
func ServePackets(ctx context.Context, env Env, c net.PacketConn, answer Answer, counters Counters) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = c.Close(); close(closed) })
	s := packetServer{env: env, conn: c, answer: answer, counters: counters}
	err := s.loop(ctx)
	if stop() { // somebody else closed it
		return errors.Join(err, c.Close())
	}
	<-closed
	return nil
}

// packetServer is one call of ServePackets.
type packetServer struct {
	env      Env
	conn     net.PacketConn
	answer   Answer
	counters Counters

	request [maxPacket]byte
	reply   [maxPacket]byte
}

func (s *packetServer) loop(ctx context.Context) error {
	pause := pauses{}
	for {
		n, from, err := s.conn.ReadFrom(s.request[:])
		switch {
		case err == nil:
			pause.reset()
			s.one(s.request[:n], from)
		case ctx.Err() != nil, errors.Is(err, net.ErrClosed), errors.Is(err, io.EOF):
			return err
		default:
			s.env.Log().Warn("cannot read datagrams", "socket", s.conn.LocalAddr().String(), "err", err, "again in", pause.next())
			pause.wait(ctx)
		}
	}
}

func (s *packetServer) one(request []byte, from net.Addr) {
	defer func() {
		if p := recover(); p != nil {
			s.counters.Add("panics", 1)
			logPanic(s.env.Log(), "datagram handler panicked", from, p)
		}
	}()
	if reply := s.answer(s.reply[:0], request, from); len(reply) > 0 {
		_, _ = s.conn.WriteTo(reply, from) // datagrams can be lost
	}
}
