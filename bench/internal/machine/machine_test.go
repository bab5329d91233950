package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	m := Machine{CPU: "Abacus 2", Cores: 2, Kernel: "6.1", Go: "go1.26", Load: "0.10 0.20 0.30"}
	head := "goos: " + runtime.GOOS + "\ngoarch: " + runtime.GOARCH +
		"\ncpu: Abacus 2\ncores: 2\nkernel: 6.1\ngo: go1.26\n# commit: abc\n"
	for _, tt := range []struct {
		name string
		more []string
		want string
	}{
		{"plain", nil, head + "# load: 0.10 0.20 0.30\n"},
		{"with a line more", []string{"place: free"}, head + "place: free\n# load: 0.10 0.20 0.30\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if m.Config(&b, "abc", tt.more...); b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
			}
		})
	}
}

func TestThis(t *testing.T) {
	if m := This(); m.Cores < 1 || m.Go != runtime.Version() || m.CPU == "" || m.Kernel == "" || m.Load == "" {
		t.Errorf("got %+v, want no field empty", m)
	}
}

func TestFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("model\t: a: b\nmodel name\t:  x y \nmodel name: z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"first value of a key", Value(file, "model name"), "x y"},
		{"value with a colon", Value(file, "model"), "a: b"},
		{"no such key", Value(file, "name"), unknown},
		{"key in no file", Value(file+".none", "model"), unknown},
		{"first line", FirstLine(file), "model\t: a: b"},
		{"first line of no file", FirstLine(file + ".none"), unknown},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

// TestTimes: the processor's time of a thread is a part of the process's, and both grow.
func TestTimes(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := ThreadTime()
	for range 10_000_000 {
		if ThreadTime() > thread {
			break
		}
	}
	if now := ThreadTime(); now <= thread || ProcessTime() < now {
		t.Errorf("thread %v after %v, process %v: want growth, and the process above the thread", now, thread, ProcessTime())
	}
}
