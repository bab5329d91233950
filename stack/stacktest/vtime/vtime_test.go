package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// embedder is another module that requires this one.
const embedder = "../../../examples/embed"

// outside asks about the embedder as someone does who has no flags of ours.
func outside() goCommand {
	return goCommand{dir: embedder, env: append(os.Environ(), "GOFLAGS=", "GOWORK=off")}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, line   string
		dir, command string
		rest         int
		err          string
	}{
		{name: "test", line: "test -v ./...", command: "test", rest: 2},
		{name: "folder", line: "-dir /x vet", dir: "/x", command: "vet"},
		{name: "folder with equals", line: "--dir=/x env", dir: "/x", command: "env"},
		{name: "flags of the command", line: "test -h", command: "test", rest: 1},
		{name: "help", line: "-h", err: "help"},
		{name: "nothing", line: "", err: "want one of"},
		{name: "unknown", line: "tset ./...", err: `"tset" is not one`},
		{name: "folder without a name", line: "-dir", err: `"-dir" is not one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, command, rest, err := parse(strings.Fields(c.line))
			if dir != c.dir || command != c.command || len(rest) != c.rest {
				t.Errorf("%q, %q, %q", dir, command, rest)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if got := run([]string{"-h"}, &out, &errs); got != 0 || !strings.Contains(out.String(), "Examples:") {
		t.Errorf("-h: status %d\n%s", got, &out)
	}
	if got := run([]string{"fly"}, &out, &errs); got != 2 || !strings.Contains(errs.String(), "Try vtime -h") {
		t.Errorf("fly: status %d\n%s", got, &errs)
	}
}

// TestWaitReasons reads the runtime of the Go that runs the test.
func TestWaitReasons(t *testing.T) {
	s, err := outside().surroundings()
	if err != nil {
		t.Fatal(err)
	}
	m, err := waitReasons(s.GOROOT)
	if err != nil {
		t.Fatal(err)
	}
	if m["waitReasonZero"] != 0 || m[reasonSelect] == 0 || m[reasonDurable] <= m[reasonSelect] {
		t.Errorf("%s: zero %d, select %d, durable select %d", runtime.Version(), m["waitReasonZero"], m[reasonSelect], m[reasonDurable])
	}
	if _, err := waitReasons(t.TempDir()); err == nil || !strings.Contains(err.Error(), "sources of Go's runtime") {
		t.Errorf("without sources: %v", err)
	}
}

func TestWaitReasonsOfAnUnknownGo(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "src/runtime/runtime2.go", "package runtime\n\nconst (\n\tidle = iota\n)\n")
	if _, err := waitReasons(dir); err == nil || !strings.Contains(err.Error(), "does not know this Go") {
		t.Errorf("%v", err)
	}
}

func TestChanged(t *testing.T) {
	now := map[string]int{reasonSelect: 18, reasonDurable: 44}
	for _, c := range []struct {
		name, file string
		reasons    map[string]int
		want       string
		already    bool
		err        string
	}{
		{name: "plain", file: "WaitReasonSelect      uint8 = 18\n", reasons: now, want: "WaitReasonSelect      uint8 = 44\n"},
		{name: "changed already", file: "WaitReasonSelect uint8 = 44\n", reasons: now, want: "WaitReasonSelect uint8 = 44\n", already: true},
		{name: "of another Go", file: "WaitReasonSelect uint8 = 9\n", reasons: now, err: "not made for this Go"},
		{name: "unknown", file: "package sync\n", reasons: now, err: "does not know this gVisor"},
		{name: "old Go", file: "WaitReasonSelect uint8 = 18\n", reasons: map[string]int{reasonSelect: 18}, err: "Go 1.25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, constantsFile, c.file)
			got, already, err := changed(dir, c.reasons)
			if string(got) != c.want || already != c.already {
				t.Errorf("%q, %v", got, already)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// TestPrepare makes everything for another module, by several at once, and again.
func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	var names [3]string
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			name, err := prepare(outside(), dir)
			if err != nil {
				t.Error(err)
			}
			names[i] = name
		})
	}
	all.Wait()
	again, err := prepare(outside(), dir)
	if err != nil || names[0] != again || names[1] != again || names[2] != again {
		t.Fatalf("%v: %q and %q", err, names, again)
	}
	made, _ := filepath.Glob(filepath.Join(dir, "*"))
	half, _ := filepath.Glob(filepath.Join(dir, ".making-*"))
	if len(made) != 2 || len(half) != 0 {
		t.Errorf("made %q, left %q; want two folders and nothing half made", made, half)
	}
	out, err := outside().run("list", "-modfile="+again, "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", "./...")
	if err != nil || !strings.Contains(string(out), filepath.Join(dir, "vtime-")) || strings.Contains(string(out), "gvisor.dev") {
		t.Errorf("%v: the module does not use the changed gVisor:\n%s", err, out)
	}
	// A second tool that is given the first one's go.mod finds nothing to change.
	g := outside()
	g.env = append(g.env, "GOFLAGS=-modfile="+again)
	if m, err := g.gvisor(); err != nil || filepath.Dir(m.Dir) != dir {
		t.Errorf("%v, %v", m, err)
	}
}

func TestErrors(t *testing.T) {
	nowhere := goCommand{dir: t.TempDir(), env: append(os.Environ(), "GOFLAGS=", "GOWORK=off")}
	if _, err := prepare(nowhere, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no go.mod here") {
		t.Errorf("without a module: %v", err)
	}
	alone := nowhere
	alone.dir = t.TempDir()
	write(t, alone.dir, "go.mod", "module example.org/alone\n\ngo 1.25\n")
	if _, err := prepare(alone, t.TempDir()); err == nil || !strings.Contains(err.Error(), "does not require gvisor.dev/gvisor") {
		t.Errorf("without gVisor: %v", err)
	}
	write(t, alone.dir, "go.work", "go 1.25\n\nuse .\n")
	alone.env = append(alone.env, "GOWORK="+filepath.Join(alone.dir, "go.work"))
	if _, err := prepare(alone, t.TempDir()); err == nil || !strings.Contains(err.Error(), "set GOWORK=off") {
		t.Errorf("in a workspace: %v", err)
	}
}

// TestAtomically: what fails leaves nothing.
func TestAtomically(t *testing.T) {
	dir := t.TempDir()
	to, want := filepath.Join(dir, "a", "b"), errors.New("no")
	if err := atomically(to, func(string) error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// TestFingerprint: a gVisor in a folder of the user's own can change.
func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "pkg/a.go", "package a\n")
	m := module{Dir: dir, Replace: &module{}}
	before, err := m.fingerprint()
	write(t, dir, "pkg/a.go", "package a // other\n")
	after, err2 := m.fingerprint()
	if err != nil || err2 != nil || before == after {
		t.Errorf("%q, %v; %q, %v", before, err, after, err2)
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
