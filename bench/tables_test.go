//go:build linux

package bench

import (
	"testing"
)

// TestTables: what one table says of another exists there, and names are unique.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range append(scenarioNames(), pathNames()...) {
		if seen[name] {
			t.Errorf("two are called %s", name)
		}
		seen[name] = true
	}
	for i := range scenarios {
		checkScenario(t, &scenarios[i])
	}
	for i := range paths {
		checkPath(t, &paths[i])
	}
}

func checkScenario(t *testing.T, s *scenario) {
	t.Helper()
	if serviceNamed(s.service) == nil {
		t.Errorf("%s: no service %q", s.name, s.service)
	}
	if s.title == "" || s.doc == "" || s.client == nil || s.unit.name == "" {
		t.Errorf("%s: title, doc, client and unit are not all there", s.name)
	}
	if s.streams+2 > nearThreads {
		t.Errorf("%s: %d streams are more than the near end has threads for", s.name, s.streams)
	}
	if err := known("path", s.paths, pathNames()); err != nil {
		t.Errorf("%s: %v", s.name, err)
	}
	for _, a := range s.aims {
		if p, err := pathNamed(a.path); err != nil || !p.measures(s) {
			t.Errorf("%s: an aim of %s, which does not measure it", s.name, a.path)
		}
		if to, err := pathNamed(a.to); a.to != "" && (err != nil || !to.measures(s)) {
			t.Errorf("%s: an aim against %s, which does not measure it", s.name, a.to)
		}
	}
}

func checkPath(t *testing.T, p *path) {
	t.Helper()
	if p.doc == "" || p.open == nil {
		t.Errorf("%s: doc and open are not both there", p.name)
	}
	for _, other := range []string{p.raw, p.engine} {
		if other == "" {
			continue
		}
		if _, err := pathNamed(other); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
	for _, name := range p.only {
		if serviceNamed(name) == nil {
			t.Errorf("%s: no service %q", p.name, name)
		}
	}
	if n := len(p.device()); n > 15 {
		t.Errorf("%s: an interface's name of %d octets, the kernel takes 15", p.name, n)
	}
}

// TestLimits: what a row is compared with.
func TestLimits(t *testing.T) {
	for _, tt := range []struct{ scenario, path, want string }{
		{"tcp_to", "veth", ""},
		{"tcp_to", "tap", "veth"},
		{"tcp_to", "tap_ipx", "tap"},
		{"udp_inline_rr", "tap", "raw_tap"},
		{"udp_inline_rr", "tap_ipx", "tap"},
		{"pipe_bulk", "pipe", "veth"},
		{"pipe_bulk", "pipe_ipx", "pipe"},
		{"ipx_rr", "tap_ipx", "tap_udp"},
		{"lossy", "tap_lossy", "kernel_lossy"},
	} {
		s, err := scenarioNamed(tt.scenario)
		if err != nil {
			t.Fatal(err)
		}
		p, err := pathNamed(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.limit(s); !p.measures(s) || got != tt.want {
			t.Errorf("%s on %s is held against %q, want %q", tt.scenario, tt.path, got, tt.want)
		}
	}
}

// TestMeasures: a path measures what it carries, and no more where that would be the same again.
func TestMeasures(t *testing.T) {
	for _, tt := range []struct {
		scenario, path string
		want           bool
	}{
		{"ipx_rr", "tap", false},
		{"ipx_rr", "gvisor", false},
		{"ipx_rr", "veth", false},
		{"ipx_rr", "tap_udp", true},
		{"spx_bulk", "tap_udp", false},
		{"spx_bulk", "tap_spx", true},
		{"spx_bulk", "pipe_ipx", true},
		{"spx_bulk", "pipe", false},
		{"tcp_to", "tap_spx", false},
		{"tcp_to_64", "tap_ipx", false},
		{"tcp_to", "tap_ipx", true},
		{"tcp_to", "pipe_ipx", false},
	} {
		s, err := scenarioNamed(tt.scenario)
		if err != nil {
			t.Fatal(err)
		}
		p, err := pathNamed(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.measures(s); got != tt.want {
			t.Errorf("%s on %s: got %v, want %v", tt.scenario, tt.path, got, tt.want)
		}
	}
}

// TestSubnets: no two paths share an address.
func TestSubnets(t *testing.T) {
	seen := map[string]string{}
	for i := range paths {
		p := &paths[i]
		for _, a := range []string{p.near().String(), p.far().String()} {
			if other := seen[a]; other != "" {
				t.Errorf("%s and %s both have %s", other, p.name, a)
			}
			seen[a] = p.name
		}
	}
}

func TestChosen(t *testing.T) {
	for _, tt := range []struct {
		name      string
		o         Options
		with, not string
	}{
		{"all", Options{}, "tcp_to_64", ""},
		{"quick", Options{Quick: true}, "tcp_to", "tcp_to_64"},
		{"named", Options{Scenarios: []string{"udp_rr"}}, "udp_rr", "tcp_to"},
		{"named beats quick", Options{Quick: true, Scenarios: []string{"tcp_to_64"}}, "tcp_to_64", "tcp_to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := chosenScenarios(&tt.o)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range got {
				names = append(names, s.name)
			}
			if !contains(names, tt.with) || contains(names, tt.not) {
				t.Errorf("got %v, want %q and not %q", names, tt.with, tt.not)
			}
		})
	}
}
