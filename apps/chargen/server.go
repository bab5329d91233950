package chargen

import (
	"context"
	"io"
	"net"
	"sync/atomic"

	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the character generator.
var App = apps.App{Name: "chargen", Doc: "sends characters without end (RFC 864)", New: newServer}

const port = 19

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := simple.Defaults(port)
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	counters := env.Counters("chargen")
	var answers atomic.Uint64
	return simple.New(env, cfg, c, simple.Service{
		Name:    "chargen",
		Session: func(_ context.Context, conn net.Conn) { generate(conn, counters) },
		Answer:  func(reply, _ []byte) []byte { return appendDatagram(reply, answers.Add(1)) },
	})
}

// generate writes until the client closes: RFC 864, "TCP Based Character Generator Service". What the client sends is
// thrown away by a second goroutine, which ends with the connection.
func generate(conn net.Conn, counters apps.Counters) {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, conn)
	}()
	octets := simple.Octets(conn)
	var err error
	for err == nil {
		var n int
		n, err = conn.Write(block())
		counters.Add(octets, uint64(n))
	}
	_ = conn.Close()
	<-drained
}
