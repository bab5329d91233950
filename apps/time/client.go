package time

import (
	"context"
	"io"
	"net"
	"strings"
	"time"

	"tapestry/apps"
)

// Ask asks a server for the time; network is that of Env.DialContext, over TCP or UDP. The
// clock of env tells which era of 136 years is meant. A datagram can be lost: give ctx a deadline.
func Ask(ctx context.Context, env apps.Env, network, address string) (time.Time, error) {
	c, err := env.DialContext(ctx, network, address)
	if err != nil {
		return time.Time{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	b, err := exchange(c, network)
	switch {
	case ctx.Err() != nil:
		return time.Time{}, ctx.Err()
	case err != nil:
		return time.Time{}, err
	}
	return parse(b, env.Clock().Now())
}

// exchange gives what the server says, and one octet more than a message at most. Over UDP an empty datagram asks.
func exchange(c net.Conn, network string) ([]byte, error) {
	if strings.HasPrefix(network, "tcp") {
		return io.ReadAll(io.LimitReader(c, size+1))
	}
	if _, err := c.Write([]byte{}); err != nil {
		return nil, err
	}
	b := make([]byte, size+1)
	n, err := c.Read(b)
	return b[:n], err
}
