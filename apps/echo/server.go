package echo

import (
	"context"
	"net"

	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the echo service.
var App = apps.App{Name: "echo", Doc: "sends back what it is sent (RFC 862)", New: newServer}

const port = 7

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := simple.Defaults(port)
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	counters := env.Counters("echo")
	session := func(_ context.Context, conn net.Conn) { counters.Add(simple.Octets(conn), echo(conn)) }
	return simple.New(env, cfg, c, simple.Service{Name: "echo", Session: session, Answer: answer})
}

// echo runs a session: RFC 862, "TCP Based Echo Service". It gives the octets sent back.
func echo(conn net.Conn) (octets uint64) {
	var b simple.Buffer
	defer b.Release()
	for {
		data, readErr := b.Read(conn)
		n, err := conn.Write(data)
		octets += uint64(n)
		if readErr != nil || err != nil {
			return octets
		}
	}
}

// answer returns a datagram: RFC 862, "UDP Based Echo Service".
func answer(reply, request []byte) []byte { return append(reply, request...) }
