package script

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"tapestry/stack"
	"tapestry/stack/stacktest"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect; read the difference")

// TestScripts runs the scripts of this project.
func TestScripts(t *testing.T) { Config{Update: *update}.RunDir(t, "testdata") }

// about is the comment that a script starts with.
var about = regexp.MustCompile(`^(?:# .*\n)*# .*RFC \d.*\n`)

// TestScriptsSay holds that each script says what it is about, with its source, and that it expects something.
func TestScriptsSay(t *testing.T) {
	all := scripts(t)
	if len(all) < 60 {
		t.Errorf("%d scripts, want 60 or more", len(all))
	}
	for name, text := range all {
		s, err := Parse(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		if !about.MatchString(text) {
			t.Errorf("%s:1: want a comment that says what the script holds, and by which RFC's section", name)
		}
		checks := 0
		for _, st := range s.Steps {
			switch e := st.Event.(type) {
			case Packet:
				if e.Dir == Await {
					checks++
				}
			case Expect:
				checks++
			}
		}
		if checks == 0 {
			t.Errorf("%s: nothing is expected", name)
		}
	}
}

func TestDeviations(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt":     "# x\nDeviates: RFC 1 §2: says nothing\nDeviates: RFC 3 §4: says: much\nlisten\n",
		"b.txt":     "listen\n",
		"other.log": "Deviates: no",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ds, err := Deviations(dir)
	want := []Deviation{{"a.txt", 2, "RFC 1 §2", "says nothing"}, {"a.txt", 3, "RFC 3 §4", "says: much"}}
	if err != nil || len(ds) != 2 || ds[0] != want[0] || ds[1] != want[1] {
		t.Errorf("Deviations: got %v, %v\nwant %v", ds, err, want)
	}
	if got := ds[0].String(); got != "| says nothing | RFC 1 §2 |" {
		t.Errorf("as a row: %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.txt"), []byte("listn\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Deviations(dir); err == nil || !strings.Contains(err.Error(), "c.txt:1:") {
		t.Errorf("Deviations of a folder with a broken script: %v, want its file and line", err)
	}
}

// recorder is a test that keeps why it failed.
type recorder struct {
	*testing.T
	failure string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = strings.TrimSpace(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// playText plays a script and gives how it failed, and what -update would make of it.
func playText(t *testing.T, text string, c Config) (failure, updated string) {
	t.Helper()
	s, err := Parse("x.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	var e edits
	stacktest.Run(t, stacktest.Config{NoCapture: true}, func(t *testing.T, n *stacktest.Net) {
		r, done := &recorder{T: t}, make(chan struct{})
		go func() { // Fatalf ends it
			defer close(done)
			c.play(r, n, s, &e)
		}()
		<-done
		failure = r.failure
	})
	return failure, e.apply(text)
}

const handshake = "listen\n< S seq 0 win 65535 <mss 1460>\n> SA seq 0 ack 1\n+0.1 < A seq 1 ack 1\naccept\n"

// TestFailures holds that a script that does not come true fails, with its place and what happened.
func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"another flag", "< S seq 0\n> SA seq 0 ack 1\n", []string{"x.txt:2: > SA seq 0 ack 1", "wrong: flags", "got  > RA seq 0 ack 1", "flags SA,", "flags RA,"}},
		{"another number", "listen\n< S seq 0\n> SA seq 0 ack 2\n", []string{"x.txt:3:", "wrong: ack", "last packets:"}},
		{"another option", "listen\n< S seq 0\n> SA seq 0 ack 1 <mss 1000>\n", []string{"wrong: options", "<mss 1460>"}},
		{"too late", "listen\n< S seq 0\n> SA seq 0 ack 1\n+2 > SA seq 0 ack 1\n", []string{"x.txt:4:", "it came 1 after the step before"}},
		{"nothing came", handshake + "> A seq 1 ack 1\n", []string{"x.txt:6:", "it did not come in time"}},
		{"not expected", handshake + "< A seq 1 len 1 ack 1\nclose\n", []string{"x.txt:7: close", "what no line expects: > A seq 1 ack 2"}},
		{"not silent", handshake + "< A seq 1 len 1 ack 1\nexpect nothing for 1s\n", []string{"x.txt:7:", "what no line expects"}},
		{"at the end", "listen\n< S seq 0\n", []string{"x.txt:2: end of the script", "what no line expects: > SA"}},
		{"of another flow", handshake + "b: < S seq 0\n> SA seq 0 ack 1\n", []string{`it belongs to flow "b"`}},
		{"of another protocol", "< udp len 1\n> R seq 0\n", []string{"wrong: it is of another protocol", "got  > icmp port-unreachable"}},
		{"failed operation", "connect\n> S seq 0\n< RA seq 0 ack 1\nlisten\n", []string{"x.txt:4: listen", "connect failed: dial tcp4", "connection refused; if it is to, write after it: expect error ECONNREFUSED"}},
		{"the end", handshake + "< FA seq 1 ack 1\n> A seq 1 ack 2\nread 0\nclose\n", []string{"read 0 failed: EOF; if it is to, write after it: expect error EOF"}},
		{"another error", "connect\n> S seq 0\n< RA seq 0 ack 1\nexpect error ETIMEDOUT\n", []string{"connect ended with: dial tcp4"}},
		{"no error", handshake + "expect error EOF\n", []string{"accept ended with: <nil>"}},
		{"waits on", handshake + "read 1\nread 1\n", []string{"x.txt:7: read 1", "read 1 still waits"}},
		{"waits at the end", handshake + "read 1\n", []string{"read 1 still waits; write what becomes of it"}},
		{"not done", handshake + "read 1\nexpect done\n", []string{"read 1 still waits"}},
		{"not blocked", handshake + "expect blocked\n", []string{"accept has ended"}},
		{"state", handshake + "expect state TIME-WAIT\n", []string{"the state is ESTABLISHED"}},
		{"unread", handshake + "expect unread 1\n", []string{"0 octets are unread"}},
		{"counter", "listen\nexpect counter tcpOutRsts 1\n", []string{"it is 0"}},
		{"no counter", "listen\nexpect counter nosuch 1\n", []string{"no counter of that name"}},
		{"no connection", "write 1\n", []string{"x.txt:1: end of the script", "write 1 failed: nothing is open here yet"}},
		{"nothing to quote", "< icmp time-exceeded\n", []string{"the host has sent nothing that the error could quote"}},
		{"no operation", "expect done\n", []string{"there was no operation on this connection"}},
		{"other data read", handshake + "< A seq 1 len 4 ack 1 other\n> A seq 1 ack 5\nread 4\nexpect done\n", []string{"what was read is not what the peer sent"}},
		{"other connection accepted", "listen\nb: < S seq 0\nb: > SA seq 0 ack 1\nb: < A seq 1 ack 1\na: accept\na: expect done\n", []string{"the connection is the one from port 1001, not from 1002"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := playText(t, tt.text, Config{})
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("the failure does not have %q:\n%s", w, got)
				}
			}
		})
	}
}

// TestUpdate holds that what came otherwise is rewritten, and that the script comes true then.
func TestUpdate(t *testing.T) {
	const text = `# Comment
listen
< S seq 0 win 65535 <mss 1460>
> SA seq 0 ack 9 <mss 9,sackOK>   # why
+0.1 < A seq 1 ack 1
+1 > R seq 5
accept
< A seq 1 len 4 ack 1
write 5
> PA seq 1 len 4 ack 1 win 1
`
	const want = `# Comment
listen
< S seq 0 win 65535 <mss 1460>
> SA seq 0 ack 1 <mss 1460> # why
+0.1 < A seq 1 ack 1
accept
< A seq 1 len 4 ack 1
> A seq 1 ack 5
write 5
> PA seq 1 len 5 ack 5 win 65534
`
	failure, got := playText(t, text, Config{Update: true})
	if failure != "" {
		t.Fatal(failure)
	}
	if got != want {
		t.Errorf("rewritten:\n%s\nwant:\n%s", got, want)
	}
	if failure, again := playText(t, got, Config{}); failure != "" || again != got {
		t.Errorf("the rewritten script: %s", failure)
	}
}

// TestConfigHost holds that an embedder can change the host.
func TestConfigHost(t *testing.T) {
	c := Config{Host: func(c *stack.Config) { c.TCP.Backlog = 1 }}
	text := handshake + "b: < S seq 0\nb: > SA seq 0 ack 1 <mss 1460>\nb: expect state none\n" // a cookie
	if failure, _ := playText(t, text, c); failure != "" {
		t.Error(failure)
	}
	if failure, _ := playText(t, strings.Replace(text, "none", "SYN-RCVD", 1), Config{}); failure != "" {
		t.Error(failure)
	}
}
