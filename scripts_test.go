package tapestry_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a program with changes to the environment and gives what it wrote and its status.
func run(t *testing.T, env []string, name string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	b, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// program writes a shell script into dir.
func program(t *testing.T, dir, name, body string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestScriptsParse(t *testing.T) {
	scripts, err := filepath.Glob("scripts/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, s := range append(scripts, ".ci/run") {
		if out, status := run(t, nil, "bash", "-n", s); status != 0 {
			t.Errorf("%s: %s", s, out)
		}
		if i, err := os.Stat(s); err != nil || i.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable (%v)", s, err)
		}
	}
}

func TestMakeListsTargets(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip(err)
	}
	out, status := run(t, []string{"MAKEFLAGS=", "MAKELEVEL="}, "make", "-s")
	if status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	for _, target := range strings.Fields("run test check soak bench fuzz build deps docs") {
		if !strings.Contains(out, "\n  "+target+" ") {
			t.Errorf("target %s is not listed:\n%s", target, out)
		}
	}
}

func TestNeed(t *testing.T) {
	for _, tt := range []struct {
		name, uname, goversion string // an empty version: there is no Go
		status                 int
		want                   []string
	}{
		{"enough", "Linux", "go99.1", 0, nil},
		{"too old", "Linux", "go1.19.8", 1, []string{"found go1.19.8", "needs Go 1.26", "https://go.dev/dl/"}},
		{"minor version by value", "Linux", "go1.9", 1, []string{"found go1.9"}},
		{"none", "Linux", "", 1, []string{"no Go was found", "https://go.dev/dl/"}},
		{"another system", "Plan9", "go99.1", 1, []string{"this is Plan9", "runs on Linux"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			program(t, bin, "uname", "echo "+tt.uname)
			if tt.goversion != "" {
				program(t, bin, "fakego", "echo "+tt.goversion)
			}
			out, status := run(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "GO=fakego"}, "scripts/need.sh")
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, out)
			}
			for _, w := range tt.want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in %q", w, out)
				}
			}
		})
	}
}

// depsCase is a machine for scripts/deps.sh.
type depsCase struct {
	name    string
	uid     string
	policy  string // the machine's own policy-rc.d; empty: it has none
	saved   string // what a run that was killed left as the machine's own
	ours    bool   // that run also left its policy-rc.d
	program string // that the tests need
	apt     string // what apt-get does
	status  int
	called  bool // apt-get was
	want    string
}

var depsCases = []depsCase{
	{name: "nothing missing", uid: "0", program: "sh", status: 0},
	{name: "installed", uid: "0", program: "wanted", apt: `[ $1 = update ] || : >"$BIN/wanted"; chmod +x "$BIN"/*`, called: true, status: 0},
	{name: "installed beside a policy", uid: "0", policy: "own", program: "wanted", apt: `: >"$BIN/wanted"; chmod +x "$BIN"/*`, called: true, status: 0},
	{name: "not to be had", uid: "0", policy: "own", program: "wanted", apt: "exit 100", called: true, status: 3, want: "skipped: greeting"},
	{name: "terminated", uid: "0", policy: "own", program: "wanted", apt: "kill -TERM $PPID", called: true, status: 143},
	{name: "not root", uid: "1000", policy: "own", program: "wanted", status: 3, want: "no wanted (package pack): skipped: greeting"},
	{name: "left by a killed run", uid: "0", saved: "own", ours: true, program: "sh", status: 0},
	{name: "left by a killed run without policy", uid: "0", ours: true, program: "sh", status: 0},
}

const ourPolicy = "#!/bin/sh\n# tapestry: temporary, while packages for tests are installed\nexit 101\n"

// TestDeps holds that packages are installed under a policy-rc.d that starts nothing, and that the machine's own is
// there again however it ends.
func TestDeps(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip(err)
	}
	for _, tt := range depsCases {
		t.Run(tt.name, func(t *testing.T) { tt.run(t) })
	}
}

func (c depsCase) run(t *testing.T) {
	dir := t.TempDir()
	policy, seen := filepath.Join(dir, "policy"), filepath.Join(dir, "seen")
	put := func(name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c.ours {
		put(policy, ourPolicy)
	} else if c.policy != "" {
		put(policy, c.policy)
	}
	if c.saved != "" {
		put(policy+".tapestry-saved", c.saved)
	}
	program(t, dir, "id", "echo "+c.uid)
	program(t, dir, "apt-get", `cat "$TAPESTRY_DEPS_POLICY" >"$BIN/seen"; `+c.apt)
	out, status := run(t, []string{
		"PATH=" + dir + ":" + os.Getenv("PATH"), "BIN=" + dir,
		"TAPESTRY_DEPS_TABLE=pack " + c.program + " greeting", "TAPESTRY_DEPS_POLICY=" + policy, "TAPESTRY_DEPS_LOCK=" + filepath.Join(dir, "lock"),
	}, "scripts/deps.sh")

	if status != c.status || !strings.Contains(out, c.want) {
		t.Errorf("status %d with %q, want %d with %q", status, out, c.status, c.want)
	}
	if got := content(seen); c.called && got != ourPolicy || !c.called && got != "" {
		t.Errorf("apt-get saw the policy %q, called: %t, want called: %t", got, got != "", c.called)
	}
	if got := content(policy); got != c.policy+c.saved {
		t.Errorf("the policy afterwards is %q, want %q", got, c.policy+c.saved)
	}
	if left, _ := filepath.Glob(policy + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// content gives what is in a file; nothing if there is none.
func content(name string) string {
	b, _ := os.ReadFile(name)
	return string(b)
}
