//go:build linux

package bench

import (
	"fmt"
	"os"
	"os/exec"
)

// Scenarios lists what can be measured.
func Scenarios() (out []Entry) {
	for _, s := range scenarios {
		out = append(out, Entry{Name: s.name, Doc: s.title + ": " + s.doc, Quick: s.quick, Paths: s.measuredOn()})
	}
	return out
}

// Paths lists on what it can be measured.
func Paths() (out []Entry) {
	for _, p := range paths {
		out = append(out, Entry{Name: p.name, Doc: p.doc, Quick: p.quick})
	}
	return out
}

// measuredOn names the paths on which a scenario is measured.
func (s *scenario) measuredOn() (names []string) {
	for _, p := range paths {
		if p.measures(s) {
			names = append(names, p.name)
		}
	}
	return names
}

// lacks says why a path cannot be opened here, where that is known before.
func (p *path) lacks() error {
	if p.needs != "" {
		if _, err := exec.LookPath(p.needs); err != nil {
			return fmt.Errorf("needs the program %s: %w", p.needs, err)
		}
	}
	if p.needsTUN() {
		f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("needs a TAP: %w", err)
		}
		return f.Close()
	}
	return nil
}

func (p *path) needsTUN() bool { return !p.ownNetns && !p.inside }
