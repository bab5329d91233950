package qotd

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"tapestry/apps"
	"tapestry/apps/internal/simple"
)

// App is the quote of the day.
var App = apps.App{Name: "qotd", Doc: "says a quote of the day (RFC 865)", New: newServer}

const port = 17

type config struct {
	simple.Config
	Quotes []string `toml:"quotes"`
	File   string   `toml:"file"`
}

func newServer(env apps.Env, cfg apps.Config) (apps.Server, error) {
	c := config{Config: simple.Defaults(port)}
	if err := cfg.Decode(&c); err != nil {
		return nil, err
	}
	quotes, err := c.load(cfg)
	if err != nil {
		return nil, err
	}
	var said atomic.Uint64
	next := func() []byte { return quotes[(said.Add(1)-1)%uint64(len(quotes))] }
	return simple.New(env, cfg, c.Config, simple.Service{
		Name:    "qotd",
		Session: simple.Say(env.Clock(), next),
		Answer:  func(reply, _ []byte) []byte { return append(reply, next()...) },
	})
}

// load gives all quotes as they are sent: those of the table, then those of the file.
func (c config) load(cfg apps.Config) ([][]byte, error) {
	var all [][]byte
	for i, q := range c.Quotes {
		b, err := wire(q)
		if err != nil {
			return nil, apps.InvalidErr(cfg, fmt.Sprintf("quotes[%d]", i), err, "shorten or leave out")
		}
		all = append(all, b)
	}
	if c.File != "" {
		b, err := loadFile(cfg.Path(c.File))
		if err != nil {
			return nil, apps.InvalidErr(cfg, "file", err, "give a text file with quotes, separated by lines of one %")
		}
		all = append(all, b...)
	}
	if len(all) > 0 {
		return all, nil
	}
	for _, q := range builtIn {
		b, err := wire(q)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// maxQuotes is the most octets of a file of quotes.
const maxQuotes = 1 << 20

func loadFile(name string) ([][]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxQuotes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxQuotes {
		return nil, fmt.Errorf("%s: longer than %d octets", name, maxQuotes)
	}
	var all [][]byte
	for _, q := range splitFile(string(text)) {
		b, err := wire(q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, b)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no quotes", name)
	}
	return all, nil
}
