package stacktest_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// TestFailing fails in the process that TestFailure starts, and is skipped elsewhere.
func TestFailing(t *testing.T) {
	why := os.Getenv("STACKTEST_FAIL")
	if why == "" {
		t.Skip("it fails on purpose: TestFailure runs it")
	}
	stacktest.Run(t, stacktest.Config{Trace: 1, Limit: time.Second}, func(t *testing.T, n *stacktest.Net) {
		a := n.Host("a")
		n.Host("b")
		if why == "fatal" {
			n.Settle()
			t.Fatal("on purpose")
		}
		l, err := a.Listen("tcp", ":1")
		if err != nil {
			t.Fatal(err)
		}
		l.Accept() // nobody comes
	})
}

// TestFailure: a test that fails prints its latest frames and leaves a capture; one that waits for ever fails.
func TestFailure(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(*testing.T, *stacktest.Net) {}) // or skip
	for _, c := range []struct{ why, want string }{
		{"fatal", "on purpose"},
		{"wait", "more than Config.Limit"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFailing$")
		cmd.Env = append(os.Environ(), "STACKTEST_FAIL="+c.why, "TMPDIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), "the latest frames:") {
			t.Errorf("%s: %v\n%s", c.why, err, out)
		}
		name := regexp.MustCompile(`\S+\.pcapng`).Find(out)
		b, err := os.ReadFile(string(name))
		if err != nil {
			t.Errorf("%s: %v\n%s", c.why, err, out)
			continue
		}
		if n := countFrames(t, b); n < 4 {
			t.Errorf("%s: %d frames in the capture", c.why, n)
		}
	}
}
