package script

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// keys are what the lines "host:" and "peer:" may set.
var keys = map[string]map[string]func(*HostConfig, string) error{
	"host:": {
		"ip":        setIP,
		"mtu":       func(h *HostConfig, v string) error { return number(&h.MTU, v, 68, maxMSS) },
		"rcvbuf":    func(h *HostConfig, v string) error { return number(&h.RcvBuf, v, 1, 1<<24) },
		"sndbuf":    func(h *HostConfig, v string) error { return number(&h.SndBuf, v, 1, 1<<24) },
		"backlog":   func(h *HostConfig, v string) error { return number(&h.Backlog, v, 1, 1<<16) },
		"keepalive": setKeepalive,
		"congestion": func(h *HostConfig, v string) error {
			return oneOf(&h.Congestion, v, "congestion control", "cubic", "reno")
		},
		"recovery": func(h *HostConfig, v string) error { return oneOf(&h.Recovery, v, "loss recovery", "sack", "rack") },
		"timewait": func(h *HostConfig, v string) (err error) {
			h.TimeWait, err = parseDuration(v)
			return err
		},
		"tolerance": func(h *HostConfig, v string) (err error) {
			h.Tolerance, err = parseDuration(v)
			return err
		},
	},
	"peer:": {"isn": func(h *HostConfig, v string) error {
		n, err := parseNum(v)
		h.ISN = n.V
		return err
	}},
}

func (s *Script) parseConfig(who string, w *words) error {
	if len(s.Steps) > 0 {
		return fmt.Errorf("%s after the first step: write it above line %d", who, s.Steps[0].Line)
	}
	for word := w.next(); word != ""; word = w.next() {
		key, value, ok := strings.Cut(word, "=")
		set := keys[who][key]
		if !ok || set == nil {
			return unknown("key of "+who, key, slices.Collect(maps.Keys(keys[who])))
		}
		if err := set(&s.Host, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func number(to *int, v string, least, most int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%q: want a number from %d to %d", v, least, most)
	}
	*to = n
	return nil
}

func setIP(h *HostConfig, v string) error {
	if v != "4" && v != "6" {
		return fmt.Errorf("%q: want 4 or 6", v)
	}
	return number(&h.IP, v, 4, 6)
}

func oneOf(to *string, v, what string, values ...string) error {
	if !slices.Contains(values, v) {
		return unknown(what, v, values)
	}
	*to = v
	return nil
}

// setKeepalive reads off, or idle/interval/count as 10s/5s/3.
func setKeepalive(h *HostConfig, v string) (err error) {
	if v == "off" {
		h.KeepaliveIdle = -1
		return nil
	}
	part := strings.Split(v, "/")
	if len(part) != 3 {
		return fmt.Errorf("%q: want off, or idle/interval/count as 10s/5s/3", v)
	}
	if h.KeepaliveIdle, err = parseDuration(part[0]); err != nil {
		return err
	}
	if h.KeepaliveEvery, err = parseDuration(part[1]); err != nil {
		return err
	}
	return number(&h.KeepaliveCount, part[2], 1, 100)
}

// sockopt is an option of a socket and its value.
type sockopt struct {
	name string
	on   bool
	n    int
}

// parseSockopt reads nodelay=on, keepalive=off, rcvbuf=4096, sndbuf=4096.
func parseSockopt(word string) (o sockopt, err error) {
	name, v, ok := strings.Cut(word, "=")
	o.name = name
	switch name {
	case "nodelay", "keepalive":
		o.on = v == "on"
		if !ok || v != "on" && v != "off" {
			err = fmt.Errorf("%q: want %s=on or %s=off", word, name, name)
		}
	case "rcvbuf", "sndbuf":
		err = number(&o.n, v, 1, 1<<24)
	default:
		err = unknown("socket option", name, []string{"nodelay", "keepalive", "rcvbuf", "sndbuf"})
	}
	return o, err
}
