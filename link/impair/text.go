package impair

import (
	"strings"
	"unicode"
)

// Off is the text of a perfect wire.
const Off = "off"

// Parse reads keys with values, separated by commas or white space: "loss=5%,delay=10ms,jitter=2ms,rate=100mbit".
// "off" and nothing are a perfect wire. An error is a *[KeyError].
func Parse(text string) (Config, error) {
	return Config{}.With(text)
}

// With is c with the keys in text changed and the others as they are; "off" resets all before it. A value of 0 is a
// key's default. With an error it gives c.
func (c Config) With(text string) (Config, error) {
	next, given := c, map[string]bool{}
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		name, value, hasValue := strings.Cut(field, "=")
		switch {
		case strings.EqualFold(field, Off):
			next, given = Config{}, map[string]bool{}
			continue
		case !hasValue && isKey(name):
			return c, &KeyError{name, "", "there is no value: write it without spaces, as in loss=5%"}
		case !hasValue:
			return c, unknown(name, "")
		case given[strings.ToLower(name)]:
			return c, &KeyError{name, value, "is given twice"}
		}
		given[strings.ToLower(name)] = true
		if err := next.assign(name, value); err != nil {
			return c, err
		}
	}
	if err := next.Check(); err != nil {
		return c, err
	}
	return next, nil
}

func isKey(name string) bool {
	for _, k := range keys {
		if strings.EqualFold(k.name, name) {
			return true
		}
	}
	return false
}

// String gives what Parse reads: the keys that are set, in one order.
func (c Config) String() string {
	var s []string
	for _, k := range keys {
		if v := k.get(&c); v != "" {
			s = append(s, k.name+"="+v)
		}
	}
	if s == nil {
		return Off
	}
	return strings.Join(s, ",")
}

// MarshalText gives String.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText does what Parse does.
func (c *Config) UnmarshalText(text []byte) (err error) {
	*c, err = Parse(string(text))
	return err
}
