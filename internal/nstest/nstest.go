package nstest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const (
	// markEnv tells a child where it is: the parent's network namespace, or "none: reason".
	markEnv = "TAPESTRY_NSTEST"
	// requireEnv set to 1 turns what would be skipped into failures.
	requireEnv = "TAPESTRY_REQUIRE"

	none = "none: "
)

// Main runs the tests of m in a network namespace of their own, or in place where that cannot be had, and exits.
func Main(m *testing.M) {
	switch mark := os.Getenv(markEnv); {
	case strings.HasPrefix(mark, none):
		os.Exit(m.Run())
	case isInside(mark):
		if err := setUp(); err != nil {
			runInPlace(m, "the new namespace cannot be used: "+err.Error())
		}
		os.Exit(m.Run())
	}
	code, err := reexec()
	if err != nil {
		runInPlace(m, err.Error())
	}
	os.Exit(code)
}

// runInPlace runs the tests here; the mark keeps fuzzing workers from trying again.
func runInPlace(m *testing.M, reason string) {
	os.Setenv(markEnv, none+reason)
	os.Exit(m.Run())
}

// Require skips the test unless it runs in a network namespace of its own.
func Require(t testing.TB) {
	t.Helper()
	mark := os.Getenv(markEnv)
	if reason, ok := strings.CutPrefix(mark, none); ok {
		Skip(t, "needs a network namespace of its own: "+reason)
	}
	if !isInside(mark) {
		t.Fatal("nstest.Require without nstest.Main: add func TestMain(m *testing.M) { nstest.Main(m) }")
	}
}

// Tool gives the path of a program, and skips the test where it is not installed.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, "needs the program "+name+": "+err.Error())
	}
	return path
}

// Skip skips the test for something that the machine lacks, or fails it if TAPESTRY_REQUIRE=1.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(requireEnv) == "1" {
		t.Fatal(reason + " (" + requireEnv + "=1 allows no skipping)")
	}
	t.Skip(reason)
}
