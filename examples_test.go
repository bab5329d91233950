package tapestry_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// rigs is the example that a plain go test skips: it needs virtual time.
const rigs = "examples/rigs"

// TestExamples builds and tests each example that is a module of its own, as someone outside does who embeds Tapestry.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building other modules takes a while")
	}
	mods, err := filepath.Glob("examples/*/go.mod")
	if err != nil || len(mods) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, mod := range mods {
		dir := filepath.Dir(mod)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			test := []string{"test", "-count=1", "-timeout=2m", "./..."}
			goIn(t, dir, "vet", "./...")
			goIn(t, dir, test...)
			if dir == rigs {
				goIn(t, dir, append([]string{"run", "tapestry/stack/stacktest/vtime"}, test...)...)
			}
		})
	}
}

// goIn runs the go command in dir with that module's own requirements, which it may not change.
func goIn(t *testing.T, dir string, args ...string) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if args[0] == "run" {
		cmd.Env = append(cmd.Env, "TAPESTRY_VTIME=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in %s: %v: %v\n%s", dir, cmd, err, out)
	}
}
