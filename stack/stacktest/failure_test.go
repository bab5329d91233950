package stacktest_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tapestry/stack/stacktest"
)

// failing are tests that fail on purpose, and what their output has and has not.
var failing = []struct {
	name      string
	config    stacktest.Config
	f         func(t *testing.T, n *stacktest.Net)
	want, not string
	frames    int // at least, in the capture; 0: there is none
}{
	{"fatal", stacktest.Config{Trace: 1}, func(t *testing.T, n *stacktest.Net) {
		c := connected(t, n)
		defer c.Close()
		c.Write([]byte("hello"))
		n.Settle()
		t.Fatal("on purpose")
	}, "seed 1, (?s:.)*the latest frames before the failure:\n(?s:.)* ack [0-9]+(?s:.)*; from frame [0-9]+ on after the failure", `\[F|dropped`, 10},
	{"wait", stacktest.Config{Limit: time.Second}, func(t *testing.T, n *stacktest.Net) {
		n.Host("b")
		l, err := n.Host("a").Listen("tcp", ":1")
		if err != nil {
			t.Fatal(err)
		}
		l.Accept() // nobody comes
	}, "more than Config.Limit(?s:.)*the latest frames", "panic", 4},
	{"nothing left", stacktest.Config{Limit: -1}, func(t *testing.T, n *stacktest.Net) {
		n.Host("b")
		l, err := n.Host("a").Listen("tcp", ":1")
		if err != nil {
			t.Fatal(err)
		}
		l.Accept() // nobody comes
	}, "everybody waits and nothing is left to happen after(?s:.)*failure_test.go(?s:.)*seed 1(?s:.)*the latest frames", "panic|startReaders|newNet", 4},
	{"hangs", stacktest.Config{Limit: -1}, func(_ *testing.T, n *stacktest.Net) {
		n.Host("b")
		<-make(chan int)
	}, "everybody waits(?s:.)*failure_test.go(?s:.)*seed 1(?s:.)*panic: deadlock", "startReaders|[0-9]{5}h", 3},
	{"leaves", stacktest.Config{Limit: -1}, func(_ *testing.T, n *stacktest.Net) {
		n.Host("b")
		go func() { <-make(chan int) }() // on purpose
	}, "are left though(?s:.)*failure_test.go(?s:.)*seed 1(?s:.)*panic: deadlock", "startReaders", 3},
	{"body left open", stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		l, err := n.Host("server").Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		go http.Serve(l, http.FileServerFS(fstest.MapFS{"long": {Data: make([]byte, 1<<20)}})) // ends with the host
		c := http.Client{Transport: &http.Transport{DialContext: n.Host("client").DialContext}}
		if _, err := c.Get("http://server/long"); err != nil {
			t.Fatal(err)
		}
	}, `are left though(?s:.)*close each response body(?s:.)*readLoop(?s:.)*panic: deadlock`, "startReaders", 10},
	{"impaired by nonsense", stacktest.Config{}, func(_ *testing.T, n *stacktest.Net) {
		n.Impair(n.Host("a"), "los=5%")
	}, `failure_test.go:\d+: stacktest: the wire stays as it was: .*mean loss`, `stays(?s:.)*stays|panic`, 1},
	{"nothing sent", stacktest.Config{}, func(t *testing.T, _ *stacktest.Net) {
		t.Error("on purpose")
	}, "seed 1", "frames|capture", 0},
}

// connected gives a connection to a host that reads all.
func connected(t *testing.T, n *stacktest.Net) io.WriteCloser {
	t.Helper()
	serveEcho(t, n.Host("server"))
	c, err := n.Host("client").Dial("tcp", "server:7")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFailing fails in the process that TestFailure starts, and is skipped elsewhere.
func TestFailing(t *testing.T) {
	name := os.Getenv("STACKTEST_FAIL")
	if name == "" {
		t.Skip("it fails on purpose: TestFailure runs it")
	}
	for _, c := range failing {
		if c.name == name {
			stacktest.Run(t, c.config, c.f)
		}
	}
}

// TestFailure: a test that fails prints what led to it and leaves a capture; one that waits for ever fails.
func TestFailure(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(*testing.T, *stacktest.Net) {}) // or skip
	for _, c := range failing {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestFailing$")
			cmd.Env = append(os.Environ(), "STACKTEST_FAIL="+c.name, "TMPDIR="+t.TempDir())
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(c.want).Match(out) {
				t.Errorf("%v, want %q in\n%s", err, c.want, out)
			}
			if m := regexp.MustCompile(c.not).Find(out); m != nil {
				t.Errorf("%q in\n%s", m, out)
			}
			name := regexp.MustCompile(`[^\s;]+\.pcapng`).Find(out)
			if (name != nil) != (c.frames > 0) {
				t.Fatalf("the capture is %q\n%s", name, out)
			}
			if c.frames > 0 {
				checkCapture(t, string(name), c.frames)
			}
			if os.Getenv("STACKTEST_SHOW") != "" {
				t.Logf("%s", out)
			}
		})
	}
}

func checkCapture(t *testing.T, name string, frames int) {
	t.Helper()
	b, err := os.ReadFile(strings.TrimSpace(name))
	if err != nil {
		t.Fatal(err)
	}
	if n := countFrames(t, b); n < frames {
		t.Errorf("%d frames in the capture", n)
	}
}
