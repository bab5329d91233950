//go:build soak

package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSoakCycle brings a lab up and down 100 times and looks for what is left of it anywhere.
func TestSoakCycle(t *testing.T) {
	const cycles = 100
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			before := traces(t, "")
			began := time.Now()
			for range cycles {
				needLab(t)
				o, args := runArgs(u.options(t), "", "true")
				p := newProcess(t, o, args...)
				if _, stderr, err := p.run(t); err != nil || stderr != "" {
					t.Fatalf("%v: %s", err, stderr)
				}
				if left, err := os.ReadDir(p.dir); err != nil || len(left) > 0 {
					t.Fatalf("left in the folder of temporary files: %v %v", left, err)
				}
				if left := traces(t, p.runtime); len(left) > 0 {
					t.Fatalf("left: %v", left)
				}
			}
			t.Logf("%v a cycle", (time.Since(began) / cycles).Round(time.Millisecond))
			after := traces(t, "")
			maps.DeleteFunc(after, func(k string, _ bool) bool { return before[k] })
			if len(after) > 0 {
				t.Errorf("left: %v", slices.Collect(maps.Keys(after)))
			}
		})
	}
}

// traces finds what a lab can leave: mounts, interfaces, and files in the folders of control sockets and named namespaces.
// With a folder of control sockets it finds the processes and sockets that know it, and nothing else.
func traces(t testing.TB, runtime string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	if runtime != "" {
		sockets, _ := os.ReadFile("/proc/net/unix")
		if line := lineWith(string(sockets), runtime); line != "" {
			found["socket "+line] = true
		}
		environments, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, path := range environments {
			if env, err := os.ReadFile(path); err == nil && strings.Contains(string(env), runtime) {
				found["process "+path] = true
			}
		}
		return found
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		found["mount "+strings.TrimSpace(line)] = true
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		found[fmt.Sprintf("interface %d %s", i.Index, i.Name)] = true
	}
	for _, pattern := range []string{"/run/netns/*", "/run/tapestry*", "/run/user/*/tapestry*", "/tmp/tapestry-[0-9]*"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			found["file "+name] = true
		}
	}
	return found
}
