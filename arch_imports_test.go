package tapestry_test

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// directions says what of this module a folder may import; the first line that matches counts, so the narrow ones come
// first. "link" is that package alone, "link/..." also all below it. Trees have no cycles because no line leads to a
// tree that leads back.
var directions = []struct {
	dir     string
	allowed []string
	why     string
}{
	{"internal/...", nil, "internal/ leaves import nothing of ours"},
	{"link", []string{"link/ethernet", "internal/..."}, "the contract of link knows no device"},
	{"link/ethernet/...", []string{"internal/..."}, "link/ethernet is a leaf"},
	{"link/linktest", []string{"link/...", "internal/..."}, "link/linktest knows devices alone"},
	{"link/...", []string{"link", "link/ethernet", "link/internal/...", "internal/..."}, "a device imports link and link/ethernet, no other device"},
	{"stack/stacktest", []string{"stack/...", "link/...", "internal/..."}, "stack/stacktest knows stack and link alone"},
	{"stack/...", []string{"stack/...", "link", "link/ethernet", "internal/..."}, "stack imports link and internal/, no device and no app"},
	{"apps", []string{"internal/..."}, "apps knows neither stack nor link"},
	{"apps/all", []string{"apps/..."}, "apps/all knows apps alone"},
	{"apps/apptest", []string{"apps/...", "stack/...", "link/...", "internal/..."}, "apps/apptest runs apps over a stack"},
	{"apps/...", []string{"apps", "apps/internal/...", "internal/..."}, "an app imports apps and apps/internal, never another app, stack or link"},
	{"bench/...", []string{"bench/...", "apps/...", "stack/...", "link/...", "internal/..."}, "bench imports everything but cmd"},
	{"cmd/...", []string{"cmd/...", "bench/...", "apps/...", "stack/...", "link/...", "internal/..."}, "cmd imports everything"},
}

// checkDirection holds that imports point one way.
func checkDirection(tr *tree) (out []violation) {
	tr.imports(func(f *file, pos token.Pos, path string) {
		to, ok := local(path)
		if !ok || isOwnPart(f.dir, to) {
			return
		}
		if why, ok := mayImport(f.dir, to); !ok {
			out = append(out, tr.at(f, pos, "imports %s: %s", path, why))
		}
	})
	return out
}

// isOwnPart reports whether to lies within the device, app or leaf that from is a part of.
func isOwnPart(from, to string) bool {
	parts := strings.SplitN(from, "/", 3)
	return len(parts) > 1 && within(to, parts[0]+"/"+parts[1])
}

func mayImport(from, to string) (why string, ok bool) {
	for _, d := range directions {
		if matches(d.dir, from) {
			return d.why, slices.ContainsFunc(d.allowed, func(a string) bool { return matches(a, to) })
		}
	}
	return fmt.Sprintf("%s has no line in the table of directions", from), false
}

// matches reports whether a pattern of directions names dir.
func matches(pattern, dir string) bool {
	root, below := strings.CutSuffix(pattern, "/...")
	return dir == root || below && within(dir, root)
}

// gvisorLeaves are the packages of gVisor that know no network stack.
var gvisorLeaves = []string{"pkg/buffer", "pkg/tcpip/checksum", "pkg/xdp"}

// checkGVisor holds that gVisor's network packages stay behind stack; bench measures the stock ones.
func checkGVisor(tr *tree) (out []violation) {
	tr.imports(func(f *file, pos token.Pos, path string) {
		p, ok := strings.CutPrefix(path, "gvisor.dev/gvisor/")
		switch {
		case !ok, withinAny(f.dir, []string{"stack", "bench"}):
		case within(f.dir, "link") && withinAny(p, gvisorLeaves):
		case within(f.dir, "link"):
			out = append(out, tr.at(f, pos, "imports %s: link uses of gVisor only %s", path, strings.Join(gvisorLeaves, ", ")))
		default:
			out = append(out, tr.at(f, pos, "imports %s: only stack uses gVisor", path))
		}
	})
	return out
}

// owners are modules that belong to few packages.
var owners = []struct {
	module string
	dirs   []string
}{
	{"github.com/cilium/ebpf", []string{"link/tap", "link/xdp"}},
	{"github.com/songgao/water", []string{"link/water"}},
	{"github.com/spf13/cobra", []string{"cmd", "bench"}},
	{"github.com/google/gopacket", []string{"link/pcap", "stack/dump"}},
	{"go.etcd.io/bbolt", []string{"cmd", "apps"}},
	{"flag", []string{"cmd", "bench", "internal/tools"}},
}

// checkOwners holds that a module stays in the packages it was taken for.
func checkOwners(tr *tree) (out []violation) {
	tr.imports(func(f *file, pos token.Pos, path string) {
		for _, o := range owners {
			if within(path, o.module) && !withinAny(f.dir, o.dirs) && !f.isSupport() {
				out = append(out, tr.at(f, pos, "imports %s: only %s may", path, strings.Join(o.dirs, ", ")))
			}
		}
	})
	return out
}

// testModules are for tests alone.
var testModules = []string{
	"testing", "go.uber.org/goleak", "github.com/google/go-cmp", "golang.org/x/net/nettest", "net/http/httptest",
}

// checkTestOnly holds that programs and packages contain nothing made for tests.
func checkTestOnly(tr *tree) (out []violation) {
	tr.imports(func(f *file, pos token.Pos, path string) {
		if f.isSupport() {
			return
		}
		to, ours := local(path)
		if withinAny(path, testModules) || ours && isSupport(to) {
			out = append(out, tr.at(f, pos, "imports %s: it is for tests, and this is none", path))
		}
	})
	return out
}
