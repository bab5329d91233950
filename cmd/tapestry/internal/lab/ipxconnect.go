package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/spx"
)

// MaxConnectData is how much ipx.connect sends: what fits into a request of the control socket.
const MaxConnectData = 8 << 10

const defaultConnectTimeout = 5 * time.Second

// IPXConnectArgs are those of ipx.connect.
type IPXConnectArgs struct {
	Address string        `json:"address"` // network:node:socket, or host:socket
	Data    []byte        `json:"data,omitempty"`
	Timeout time.Duration `json:"timeout"` // for the answer to the call; default 5 s
	Quiet   time.Duration `json:"quiet"`   // ends a connection on which nothing comes any more; default 2 s
}

// IPXMessage is what came over a connection.
type IPXMessage struct {
	Calling string `json:"calling,omitempty"` // first, alone: who is called
	Remote  string `json:"remote,omitempty"`  // second, without data: who answered
	SPX2    bool   `json:"spx2,omitempty"`
	Data    []byte `json:"data,omitempty"`
}

// ipxConnect sends the data over SPX, and what comes until the other side ends, or says nothing more.
func (h *host) ipxConnect(ctx context.Context, a IPXConnectArgs, send func(any) error) error {
	if _, err := h.ipxStack(); err != nil {
		return err
	}
	to, err := h.spxAddr(a.Address)
	if err != nil {
		return err
	}
	if err := send(IPXMessage{Calling: to.String()}); err != nil {
		return err
	}
	c, err := h.callSPX(ctx, to, a.Timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if a.Quiet <= 0 {
		a.Quiet = 2 * time.Second
	}
	if err := send(IPXMessage{Remote: c.RemoteAddr().String(), SPX2: c.Info().SPX2}); err != nil {
		return err
	}
	if err := say(c, a); err != nil {
		return err
	}
	return hear(c, a.Quiet, send)
}

// callSPX connects, or says what to look at.
func (h *host) callSPX(ctx context.Context, to ipxwire.Addr, timeout time.Duration) (*spx.Conn, error) {
	if timeout <= 0 {
		timeout = defaultConnectTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := h.SPX().Dial(limited, to)
	var op *net.OpError
	switch known := h.ipxError(err, to.Net); {
	case err == nil:
		return c, nil
	case known != err:
		return nil, known
	case errors.As(err, &op) && op.Timeout() && ctx.Err() == nil:
		return nil, fmt.Errorf("%v does not answer: nobody listens at socket %04x there, or no such node: SPX cannot tell%s",
			to, uint16(to.Socket), h.lab.seeSockets(to))
	}
	return nil, err
}

// seeSockets says how to look at the sockets of a host of the lab.
func (l *Lab) seeSockets(a ipxwire.Addr) string {
	if h := l.holder(a); h != nil {
		return "; see `tapestry ipx sockets --host " + h.plan.Name + "`"
	}
	return ""
}

// say sends all data, and ends this direction where the other side knows that of SPX II.
func say(c *spx.Conn, a IPXConnectArgs) error {
	c.SetWriteDeadline(time.Now().Add(a.Quiet))
	if len(a.Data) > 0 {
		if _, err := c.Write(a.Data); err != nil {
			return err
		}
	}
	if err := c.CloseWrite(); err != nil && !errors.Is(err, syscall.EOPNOTSUPP) {
		return err
	}
	return nil
}

func hear(c *spx.Conn, quiet time.Duration, send func(any) error) error {
	b := make([]byte, ipxwire.Max)
	for {
		c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(b)
		if n > 0 {
			if err := send(IPXMessage{Data: b[:n]}); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
	}
}

// spxAddr reads an address with its socket, or a host of the lab or a server with one.
func (h *host) spxAddr(s string) (ipxwire.Addr, error) {
	a, errAddr := ipxwire.ParseAddr(s)
	if errAddr == nil && !a.Node.IsZero() && a.Socket != 0 {
		return a, nil
	}
	name, digits, _ := strings.Cut(s, ":")
	named, isKnown, err := h.ipxNamed(name)
	if err != nil {
		return a, err
	}
	_, noNode := parseIPXTarget(s)
	isNode := isIPXTarget(s) && noNode == nil || errAddr == nil && !a.Node.IsZero()
	if !isKnown && !isNode {
		return a, notSPX(s, errAddr)
	}
	socket, err := ipxwire.ParseSocket(digits)
	switch {
	case isKnown && err != nil:
		return a, fmt.Errorf("%s is no socket; want one to four hexadecimal digits", digits)
	case isNode && !isKnown, socket == 0:
		if !isKnown && errAddr == nil {
			name = netAndNode(a)
		} else if !isKnown {
			name = strings.TrimSuffix(s, ":")
		}
		return a, fmt.Errorf("%q has no socket; write it at the end, like %s:8007", s, name)
	}
	named.Socket = socket
	return named, nil
}

// notSPX says why an address is none.
func notSPX(s string, err error) error {
	if err != nil && (strings.Count(s, ":") == 2 || isIPXTarget(s) && !strings.Contains(s, ":")) {
		return err
	}
	return fmt.Errorf("%q is neither an address, like 0000cafe:020000000001:8007, nor a host of this lab or a server of "+
		"tapestry slist with a socket", s)
}
