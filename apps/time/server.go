package time

import (
	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the time service.
var App = apps.App{Name: "time", Doc: "tells the time as a number (RFC 868)", New: newServer}

const port = 37

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := simple.Defaults(port)
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	message := func(b []byte) []byte { return appendTime(b, env.Clock().Now()) }
	return simple.New(env, cfg, c, simple.Service{
		Name:    "time",
		Session: simple.Say(env.Clock(), func() []byte { return message(nil) }),
		Answer:  func(reply, _ []byte) []byte { return message(reply) },
	})
}
