package discard

import (
	"context"
	"net"

	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the discard service.
var App = apps.App{Name: "discard", Doc: "throws away what it is sent (RFC 863)", New: newServer}

const port = 9

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := simple.Defaults(port)
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	counters := env.Counters("discard")
	session := func(_ context.Context, conn net.Conn) { discard(conn, counters) }
	return simple.New(env, cfg, c, simple.Service{Name: "discard", Session: session})
}

// discard reads to the end and sends nothing: RFC 863, "TCP Based Discard Service".
func discard(conn net.Conn, counters apps.Counters) {
	var b simple.Buffer
	defer b.Release()
	octets := simple.Octets(conn)
	for {
		data, err := b.Read(conn)
		counters.Add(octets, uint64(len(data)))
		if err != nil {
			return
		}
	}
}
