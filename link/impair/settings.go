package impair

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Settings are a Config as a table of strings, for TOML and JSON: { loss = "1%", delay = "10ms" }. What is empty is not
// set.
type Settings struct {
	Loss         string `toml:"loss,omitempty" json:"loss,omitempty"`
	Burst        string `toml:"burst,omitempty" json:"burst,omitempty"`
	Gilbert      string `toml:"gilbert,omitempty" json:"gilbert,omitempty"`
	Duplicate    string `toml:"duplicate,omitempty" json:"duplicate,omitempty"`
	Corrupt      string `toml:"corrupt,omitempty" json:"corrupt,omitempty"`
	Delay        string `toml:"delay,omitempty" json:"delay,omitempty"`
	Jitter       string `toml:"jitter,omitempty" json:"jitter,omitempty"`
	Distribution string `toml:"distribution,omitempty" json:"distribution,omitempty"`
	Correlation  string `toml:"correlation,omitempty" json:"correlation,omitempty"`
	Reorder      string `toml:"reorder,omitempty" json:"reorder,omitempty"`
	Rate         string `toml:"rate,omitempty" json:"rate,omitempty"`
	Overhead     string `toml:"overhead,omitempty" json:"overhead,omitempty"`
	Queue        string `toml:"queue,omitempty" json:"queue,omitempty"`
	QueueBytes   string `toml:"queue_bytes,omitempty" json:"queue_bytes,omitempty"`
	Discipline   string `toml:"discipline,omitempty" json:"discipline,omitempty"`
	Target       string `toml:"target,omitempty" json:"target,omitempty"`
	Interval     string `toml:"interval,omitempty" json:"interval,omitempty"`
	MTU          string `toml:"mtu,omitempty" json:"mtu,omitempty"`
	Limit        string `toml:"limit,omitempty" json:"limit,omitempty"`
	LimitBytes   string `toml:"limit_bytes,omitempty" json:"limit_bytes,omitempty"`
	Cut          string `toml:"cut,omitempty" json:"cut,omitempty"`
}

// Config reads the settings. An error is a *[KeyError].
func (s Settings) Config() (Config, error) {
	var c Config
	v := reflect.ValueOf(s)
	for i, k := range keys { // a test holds that fields and keys have one order
		if text := v.Field(i).String(); text != "" {
			if err := c.assign(k.name, text); err != nil {
				return Config{}, err
			}
		}
	}
	if err := c.Check(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Settings gives c as a table.
func (c Config) Settings() Settings {
	var s Settings
	v := reflect.ValueOf(&s).Elem()
	for i, k := range keys {
		v.Field(i).SetString(k.get(&c))
	}
	return s
}

// FromMap reads a table as a decoder of TOML or JSON leaves it: strings, and whole numbers for what is counted. An error
// is a *[KeyError].
func FromMap(m map[string]any) (Config, error) {
	var c Config
	for _, name := range slices.Sorted(maps.Keys(m)) {
		var text string
		switch v := m[name].(type) {
		case string:
			text = v
		case int, int64, uint64, float64:
			text = fmt.Sprint(v)
		default:
			return Config{}, &KeyError{name, "", fmt.Sprintf("want a string, not %T", v)}
		}
		if err := c.assign(name, text); err != nil {
			return Config{}, err
		}
	}
	if err := c.Check(); err != nil {
		return Config{}, err
	}
	return c, nil
}
