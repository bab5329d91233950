package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/spx"
)

// MaxConnectData is how much ipx.connect sends: what fits into a request of the control socket.
const MaxConnectData = 8 << 10

// IPXConnectArgs are those of ipx.connect.
type IPXConnectArgs struct {
	Address string        `json:"address"` // network:node:socket, or host:socket
	Data    []byte        `json:"data,omitempty"`
	Quiet   time.Duration `json:"quiet"` // ends a connection on which nothing comes any more; default 2 s
}

// IPXMessage is what came over a connection.
type IPXMessage struct {
	Remote string `json:"remote,omitempty"` // first alone: who it is
	SPX2   bool   `json:"spx2,omitempty"`
	Data   []byte `json:"data,omitempty"`
}

// ipxConnect sends the data over SPX, and what comes until the other side ends, or says nothing more.
func (h *host) ipxConnect(ctx context.Context, a IPXConnectArgs, send func(any) error) error {
	if _, err := h.ipxStack(); err != nil {
		return err
	}
	to, err := h.lab.spxAddr(a.Address)
	if err != nil {
		return err
	}
	c, err := h.SPX().Dial(ctx, to)
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

// spxAddr reads an address with its socket, or a host of the lab with one.
func (l *Lab) spxAddr(s string) (ipxwire.Addr, error) {
	if a, err := ipxwire.ParseAddr(s); err == nil && !a.Node.IsZero() && a.Socket != 0 {
		return a, nil
	}
	name, socket, _ := strings.Cut(s, ":")
	if h := l.hostCalled(name); h != nil {
		a, err := h.ipxAddr()
		if err != nil {
			return a, err
		}
		if a.Socket, err = ipxwire.ParseSocket(socket); err != nil || a.Socket == 0 {
			return a, fmt.Errorf("%q has no socket; write it behind the name, like %s:8007", s, name)
		}
		return a, nil
	}
	return ipxwire.Addr{}, fmt.Errorf("%q is neither an address, like 0000cafe:020000000001:8007, nor a host of this lab with a socket", s)
}
