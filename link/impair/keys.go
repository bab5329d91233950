package impair

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapestry/internal/nearest"
)

// key is one key of the text form.
type key struct {
	name string
	form string // what its value looks like
	get  func(c *Config) string
	set  func(c *Config, s string) error
}

// The forms of values.
const (
	formPercent = "a percentage such as 5% or 0.1%"
	formTime    = "a time such as 10ms, 1.5s or 250us"
	formCount   = "a number of frames such as 1000"
	formSize    = "octets such as 1500, 64kib or 10mb"
	formRate    = "bits a second such as 100mbit (units bit, kbit, mbit, gbit, tbit)"
	formBurst   = "the mean number of frames in a run of losses, such as 3"
	formGilbert = "the chances to turn bad and good again, and if need be the loss while bad and while good: 1%/30%/80%/0.1%"
	formCut     = "how long, when and how often: 2s@10s, or 2s@10s/1m; several with + between"
)

// keys are in the order in which String gives them.
var keys = []key{
	value("loss", formPercent, func(c *Config) *float64 { return &c.Loss }, parsePercent, percent),
	value("burst", formBurst, func(c *Config) *float64 { return &c.Burst }, parseNumber, number),
	value("gilbert", formGilbert, func(c *Config) *Gilbert { return &c.Gilbert }, parseGilbert, Gilbert.text),
	value("duplicate", formPercent, func(c *Config) *float64 { return &c.Duplicate }, parsePercent, percent),
	value("corrupt", formPercent, func(c *Config) *float64 { return &c.Corrupt }, parsePercent, percent),
	value("delay", formTime, func(c *Config) *time.Duration { return &c.Delay }, parseTime, time.Duration.String),
	value("jitter", formTime, func(c *Config) *time.Duration { return &c.Jitter }, parseTime, time.Duration.String),
	value("distribution", strings.Join(distributions, ", "), func(c *Config) *Distribution { return &c.Distribution },
		func(s string) (Distribution, error) {
			i, err := parseName(distributions, s)
			return Distribution(i), err
		}, Distribution.String),
	value("correlation", formPercent, func(c *Config) *float64 { return &c.Correlation }, parsePercent, percent),
	value("reorder", formPercent, func(c *Config) *float64 { return &c.Reorder }, parsePercent, percent),
	value("rate", formRate, func(c *Config) *Rate { return &c.Rate }, parseRate, Rate.String),
	value("overhead", formSize, func(c *Config) *int { return &c.Overhead }, parseSize, sizeText),
	value("queue", formCount, func(c *Config) *int { return &c.Queue }, parseCount, countText),
	value("queue_bytes", formSize, func(c *Config) *int { return &c.QueueBytes }, parseSize, sizeText),
	value("discipline", strings.Join(disciplines, ", "), func(c *Config) *Discipline { return &c.Discipline },
		func(s string) (Discipline, error) { i, err := parseName(disciplines, s); return Discipline(i), err }, Discipline.String),
	value("target", formTime, func(c *Config) *time.Duration { return &c.Target }, parseTime, time.Duration.String),
	value("interval", formTime, func(c *Config) *time.Duration { return &c.Interval }, parseTime, time.Duration.String),
	value("mtu", formSize, func(c *Config) *int { return &c.MTU }, parseSize, countText),
	value("limit", formCount, func(c *Config) *int { return &c.Limit }, parseCount, countText),
	value("limit_bytes", formSize, func(c *Config) *int { return &c.LimitBytes }, parseSize, sizeText),
	{"cut", formCut, func(c *Config) string { return cutsText(c.Cuts) }, func(c *Config, s string) (err error) {
		c.Cuts, err = parseCuts(s)
		return err
	}},
}

// value makes the key of one field; its zero value is not shown.
func value[T comparable](name, form string, field func(*Config) *T, parse func(string) (T, error), text func(T) string) key {
	get := func(c *Config) string {
		var zero T
		if *field(c) == zero {
			return ""
		}
		return text(*field(c))
	}
	set := func(c *Config, s string) error {
		v, err := parse(s)
		if err == nil {
			*field(c) = v
		}
		return err
	}
	return key{name, form, get, set}
}

func countText(n int) string { return fmt.Sprint(n) }

func sizeText(n int) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dmib", n>>20)
	case n > 0 && n%(1<<10) == 0:
		return fmt.Sprintf("%dkib", n>>10)
	}
	return fmt.Sprint(n)
}

// assign sets one key.
func (c *Config) assign(name, text string) error {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == strings.ToLower(name) })
	if i < 0 {
		return unknown(name, text)
	}
	k := keys[i]
	if text == "" || len(text) > 4096 {
		return &KeyError{k.name, "", "want " + k.form}
	}
	if err := k.set(c, text); err != nil {
		problem := "want " + k.form
		if err.Error() != "" {
			problem = err.Error() + ": " + problem
		}
		return &KeyError{k.name, text, problem}
	}
	return nil
}

// elsewhere are words of other tools for what is meant.
var elsewhere = map[string]string{
	"drop": "loss", "plr": "loss", "gemodel": "gilbert", "dup": "duplicate", "corruption": "corrupt", "latency": "delay", "rtt": "delay",
	"bandwidth": "rate", "bw": "rate", "max_queue_size": "queue", "qdisc": "discipline", "aqm": "discipline", "down": "cut",
}

func unknown(name, text string) error {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	problem := "there is no such key; the keys are " + strings.Join(names, ", ")
	if n := probably(strings.ToLower(name[:min(len(name), 40)]), names); n != "" {
		problem = "there is no such key, did you mean " + n + "? The keys are " + strings.Join(names, ", ")
	}
	return &KeyError{name[:min(len(name), 40)], text[:min(len(text), 40)], problem}
}

// probably is the one of names that was meant, or nothing.
func probably(name string, names []string) string {
	if n, ok := elsewhere[name]; ok {
		return n
	}
	n, _ := nearest.Name(name, names)
	return n
}
