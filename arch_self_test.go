package tapestry_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// samples are sources that break one rule each, or none.
var samples = []struct {
	name string
	rule string // that is broken; empty: none
	path string
	src  string
}{
	{"app imports stack", "direction", "apps/dns/a.go", importing("dns", "tapestry/stack")},
	{"app imports link", "direction", "apps/dns/a.go", importing("dns", "tapestry/link/ethernet")},
	{"app imports app", "direction", "apps/dns/a.go", importing("dns", "tapestry/apps/http")},
	{"app imports all", "direction", "apps/dns/a.go", importing("dns", "tapestry/apps/all")},
	{"framework imports app", "direction", "apps/a.go", importing("apps", "tapestry/apps/dns")},
	{"framework imports its internal", "direction", "apps/a.go", importing("apps", "tapestry/apps/internal/text")},
	{"shared part imports app", "direction", "apps/internal/text/a.go", importing("text", "tapestry/apps/dns")},
	{"stack imports app", "direction", "stack/a.go", importing("stack", "tapestry/apps")},
	{"stack imports device", "direction", "stack/a.go", importing("stack", "tapestry/link/tap")},
	{"stack imports cmd", "direction", "stack/dump/a.go", importing("dump", "tapestry/cmd/tapestry/internal/lab")},
	{"link imports stack", "direction", "link/a.go", importing("link", "tapestry/stack")},
	{"link imports device", "direction", "link/a.go", importing("link", "tapestry/link/pipe")},
	{"device imports device", "direction", "link/impair/a.go", importing("impair", "tapestry/link/pcap")},
	{"device imports stack", "direction", "link/tap/a.go", importing("tap", "tapestry/stack")},
	{"ethernet imports link", "direction", "link/ethernet/a.go", importing("ethernet", "tapestry/link")},
	{"leaf imports link", "direction", "internal/units/a.go", importing("units", "tapestry/link")},
	{"leaf imports leaf", "direction", "internal/units/a.go", importing("units", "tapestry/internal/ipcalc")},
	{"bench imports cmd", "direction", "bench/plain/a.go", importing("main", "tapestry/cmd/tapestry")},
	{"unknown tree", "direction", "pkg/echo/a.go", importing("echo", "tapestry/link")},
	{"known directions", "", "cmd/tapestry/a.go", importing("main", "tapestry/stack", "tapestry/apps/all", "tapestry/link/tap")},
	{"own parts", "", "apps/dns/a.go", importing("dns", "tapestry/apps", "tapestry/apps/dns/zone", "tapestry/apps/internal/text", "tapestry/internal/units")},
	{"wrapper", "", "link/impair/a.go", importing("impair", "tapestry/link", "tapestry/link/ethernet")},
	{"tests are free", "", "apps/dns/a_test.go", importing("dns", "tapestry/stack", "tapestry/link/pipe", "testing", "gvisor.dev/gvisor/pkg/tcpip")},

	{"app imports gvisor", "gvisor", "apps/dns/a.go", importing("dns", "gvisor.dev/gvisor/pkg/tcpip")},
	{"cmd imports gvisor", "gvisor", "cmd/tapestry/a.go", importing("main", "gvisor.dev/gvisor/pkg/buffer")},
	{"link imports netstack", "gvisor", "link/a.go", importing("link", "gvisor.dev/gvisor/pkg/tcpip/header")},
	{"link imports leaf", "", "link/a.go", importing("link", "gvisor.dev/gvisor/pkg/tcpip/checksum", "gvisor.dev/gvisor/pkg/buffer")},
	{"stack imports netstack", "", "stack/a.go", importing("stack", "gvisor.dev/gvisor/pkg/tcpip/transport/tcp")},

	{"ebpf outside tap", "owner", "link/packet/a.go", importing("packet", "github.com/cilium/ebpf/link")},
	{"ebpf in tap", "", "link/tap/a.go", importing("tap", "github.com/cilium/ebpf")},
	{"water outside water", "owner", "link/tap/a.go", importing("tap", "github.com/songgao/water")},
	{"flags in a package", "owner", "stack/a.go", importing("stack", "flag")},

	{"stack imports testing", "test-only", "stack/a.go", importing("stack", "testing")},
	{"cmd imports linktest", "test-only", "cmd/tapestry/a.go", importing("main", "tapestry/link/linktest")},
	{"stack imports nstest", "test-only", "stack/a.go", importing("stack", "tapestry/internal/nstest")},
	{"support imports testing", "", "stack/stacktest/a.go", importing("stacktest", "testing", "tapestry/stack", "tapestry/link/pipe")},

	{"environment", "surroundings", "link/tap/a.go", "package tap\n\nimport \"os\"\n\nvar x = os.Getenv(\"X\")\n"},
	{"environment in cmd", "", "cmd/tapestry/a.go", "// Tapestry.\npackage main\n\nimport \"os\"\n\nvar x = os.Getenv(\"X\")\n"},

	{"core with goroutine", "plain-core", "stack/ipx/a.go", "package ipx\n\nfunc f() { go f() }\n"},
	{"core with clock", "plain-core", "stack/ipx/a.go", "package ipx\n\nimport \"time\"\n\nvar t = time.Now()\n"},
	{"core with lock", "plain-core", "stack/spx/a.go", "package spx\n\nimport \"sync\"\n\nvar mu sync.Mutex\n"},
	{"core with channel", "plain-core", "stack/rarp/a.go", "package rarp\n\nvar c chan int\n"},
	{"core with randomness", "plain-core", "stack/rarp/a.go", "package rarp\n\nimport \"math/rand/v2\"\n\nvar n = rand.Int()\n"},
	{"core's socket may wait", "", "stack/ipx/socket.go", "package ipx\n\nimport \"sync\"\n\nvar mu sync.Mutex\n"},
	{"core with durations", "", "stack/ipx/a.go", "package ipx\n\nimport \"time\"\n\nvar d = 3 * time.Second\n"},

	{"no doc", "package-doc", "link/foo/foo.go", "package foo\n"},
	{"doc elsewhere", "package-doc", "link/foo/foo.go", "// Package foo is.\npackage foo\n"},
	{"doc of another", "package-doc", "link/foo/doc.go", "// Package bar is.\npackage foo\n"},
	{"program without doc", "package-doc", "bench/foo/main.go", "package main\n"},
	{"doc", "", "link/foo/doc.go", "// Package foo is.\npackage foo\n"},

	{"vague name", "package-name", "internal/util/a.go", "package util\n"},
	{"name with underscore", "package-name", "internal/a_b/a.go", "package a_b\n"},
	{"name unlike its folder", "package-name", "internal/a/a.go", "package b\n"},

	{"long file", "file-size", "link/a.go", "package link\n" + strings.Repeat("\n", maxLines)},
	{"longest file", "", "link/a.go", "package link\n" + strings.Repeat("\n", maxLines-1)},

	{"section in words", "citation", "link/a.go", "package link\n\n// As RFC 9293 " + "section 3 says.\n"},
	{"number without space", "citation", "link/a.go", "package link\n\n// As RFC" + "9293 says.\n"},
	{"citation", "", "link/a.go", "package link\n\n// RFC 9293 §3.10.7.4, time.RFC3339 and testdata/rfc1035.zone.\n"},

	{"open end", "todo", "link/a.go", "package link\n\n// TO" + "DO: faster.\n"},
	{"open end with condition", "", "link/a.go", "package link\n\n// TO" + "DO: use the field once gVisor has it.\n"},

	{"machine's path", "machine-path", "docs/a.md", "See `/ro" + "ot/x`.\n"},
	{"path in code", "machine-path", "link/a.go", "package link\n\nconst dir = \"/wo" + "rk/x\"\n"},
	{"path of every machine", "", "docs/a.md", "Needs /dev/net/tun; see ./work/x and https://example.org/home/x.\n"},

	{"linter silenced", "silenced", "link/a.go", "package link //no" + "lint:all\n"},
	{"silenced with reason", "", "link/a.go", "package link\n\n//lint:" + "ignore U1000 the loader reads it\n"},
}

// importing gives a source that imports paths.
func importing(name string, paths ...string) string {
	src := "package " + name + "\n\nimport (\n"
	for _, p := range paths {
		src += "\t_ \"" + p + "\"\n"
	}
	return src + ")\n"
}

// TestRules holds that each rule finds what breaks it, at the right file, and nothing else does.
func TestRules(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			broken := brokenBy(t, s.path, s.src)
			if s.rule != "" && !slices.Contains(broken, s.rule) {
				t.Errorf("%s breaks %v, want %s among them:\n%s", s.path, broken, s.rule, s.src)
			}
			if s.rule == "" && len(broken) > 0 {
				t.Errorf("%s breaks %v, want none:\n%s", s.path, broken, s.src)
			}
		})
	}
}

// brokenBy names the rules that one source breaks. A sample without package comment is judged without that rule,
// unless it is about it.
func brokenBy(t *testing.T, path, src string) (names []string) {
	tr, err := readTree(fstest.MapFS{path: {Data: []byte(src)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		v := r.check(tr)
		if len(v) == 0 || r.name == "package-doc" && !strings.Contains(path, "foo") {
			continue
		}
		names = append(names, r.name)
		if v[0].path != path || v[0].line < 1 {
			t.Errorf("rule %s points at %s, want a line of %s", r.name, v[0], path)
		}
	}
	return names
}

// TestRulesHaveSamples holds that no rule is without a source that breaks it.
func TestRulesHaveSamples(t *testing.T) {
	for _, r := range rules {
		broken := false
		for _, s := range samples {
			broken = broken || s.rule == r.name
		}
		if !broken {
			t.Errorf("rule %s has no sample that breaks it", r.name)
		}
	}
}

// TestDirectionsHaveNoCycle holds that the table of directions itself lets no tree lead back to itself.
func TestDirectionsHaveNoCycle(t *testing.T) {
	leads := map[string][]string{}
	for _, d := range directions {
		from := top(d.dir)
		for _, a := range d.allowed {
			if to := top(a); to != from {
				leads[from] = append(leads[from], to)
			}
		}
	}
	var visit func(tree string, way []string)
	visit = func(tree string, way []string) {
		if slices.Contains(way, tree) {
			t.Fatalf("a cycle: %v back to %s", way, tree)
		}
		for _, to := range leads[tree] {
			visit(to, append(slices.Clone(way), tree))
		}
	}
	for tree := range leads {
		visit(tree, nil)
	}
}

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}
