package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"tapestry/internal/nstest"
)

// TestMain plays the role in which Run starts the program, since the tests' binary is the program here.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role-inside" {
		if err := inside(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "inside:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	nstest.Main(m)
}

// inside writes the name of its namespace: role-inside <the namespace outside> <file>.
func inside(args []string) error {
	if err := HasLeft(args[0]); err != nil {
		return err
	}
	own, err := Name()
	if err != nil {
		return err
	}
	return os.WriteFile(args[1], []byte(own), 0o600)
}

func TestRun(t *testing.T) {
	nstest.Require(t)
	own, err := Name()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "name")
	if err := Run("role-inside", []string{file}); err != nil {
		t.Fatal(err)
	}
	if name, err := os.ReadFile(file); err != nil || len(name) == 0 || string(name) == own {
		t.Errorf("the role ran in %q, %v, want another namespace than %q", name, err, own)
	}
}

func TestHasLeft(t *testing.T) {
	own, err := Name()
	if err != nil {
		t.Fatal(err)
	}
	if err := HasLeft(own); err == nil {
		t.Error("to be in the namespace of the caller gives no error")
	}
	if err := HasLeft("net:[1]"); err != nil {
		t.Error(err)
	}
}
