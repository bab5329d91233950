package simple

import (
	"context"
	"io"
	"net"
	"time"

	"tapestry/apps"
)

// lingering is how long a client may take to close after it got its message.
const lingering = 2 * time.Second

// Say gives a session that sends one message and closes, whatever the client says (RFC 865, 867, 868).
func Say(clock apps.Clock, message func() []byte) func(context.Context, net.Conn) {
	return func(_ context.Context, c net.Conn) {
		if _, err := c.Write(message()); err != nil {
			return
		}
		finish(clock, c)
	}
}

// finish closes the sending side and takes what the client sends until it closes too. Closing at once would answer
// such data with a reset, which can overtake the message: RFC 9293 §3.10.4, RFC 1122 §4.2.2.13.
func finish(clock apps.Clock, c net.Conn) {
	if apps.CloseWrite(c) != nil {
		return
	}
	t := clock.AfterFunc(lingering, func() { _ = c.Close() })
	defer t.Stop()
	_, _ = io.CopyN(io.Discard, c, 1<<20) // a client without end is cut off
}
