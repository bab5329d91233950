package stacktest

import (
	"flag"
	"os"
	"testing"
	"testing/synctest"
)

// Run runs f in a bubble of virtual time with a rig of its own: time in f passes when everybody waits, and only then.
// Hosts are closed when f and the cleanups that it registered are over. The test is skipped, with an instruction, where
// the engine cannot live in virtual time; with TAPESTRY_VTIME=1 in the environment, it fails.
//
// A test that failed prints the latest frames before its first failure, and where it left the capture of the run.
func Run(t *testing.T, c Config, f func(t *testing.T, n *Net)) {
	t.Helper()
	requireVirtualTime(t)
	synctest.Test(t, func(t *testing.T) {
		n := newNet(t, c)
		t.Cleanup(n.close)
		f(t, n)
	})
}

// requireVirtualTime skips the test, or fails it, where the engine parks as synctest does not know it.
func requireVirtualTime(t *testing.T) {
	t.Helper()
	if engineIsDurable() {
		return
	}
	const how = "this gVisor cannot live in virtual time; run it so: go run tapestry/stack/stacktest/vtime test ./..."
	if os.Getenv("TAPESTRY_VTIME") == "1" {
		t.Fatal("stacktest: " + how)
	}
	t.Skip("stacktest: " + how)
}

// captureDir is where a failed test leaves its capture: where go test -artifacts wants it, else in a folder that stays.
func captureDir(t *testing.T) (string, error) {
	if f := flag.Lookup("test.artifacts"); f != nil && f.Value.String() == "true" {
		return t.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "stacktest-")
}
