package daytime

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the daytime service.
var App = apps.App{Name: "daytime", Doc: "tells date and time as text (RFC 867)", New: newServer}

const port = 13

// formats are the values of the key format, as layouts of package time.
var formats = map[string]string{
	"long":    "Monday, January 2, 2006 15:04:05-MST", // RFC 867, "Daytime Syntax", the first
	"smtp":    "02 Jan 06 15:04:05 MST",               // RFC 867, "Daytime Syntax", the second
	"rfc3339": time.RFC3339,                           // RFC 3339 §5.6
}

type config struct {
	simple.Config
	Format string `toml:"format"`
	Zone   string `toml:"zone"`
}

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := config{Config: simple.Defaults(port), Format: "long", Zone: "UTC"}
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	layout, ok := formats[c.Format]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(formats)), ", ")
		return nil, apps.Invalid(cfg, "format", "there is no format \""+c.Format+"\"", "the formats are "+known)
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return nil, apps.InvalidErr(cfg, "zone", err, `name a zone such as "UTC" or "Europe/Berlin"`)
	}
	appendLine := func(b []byte) []byte {
		return append(env.Clock().Now().In(zone).AppendFormat(b, layout), "\r\n"...)
	}
	return simple.New(env, cfg, c.Config, simple.Service{
		Name:    "daytime",
		Session: simple.Say(env.Clock(), func() []byte { return appendLine(nil) }),
		Answer:  func(reply, _ []byte) []byte { return appendLine(reply) },
	})
}
