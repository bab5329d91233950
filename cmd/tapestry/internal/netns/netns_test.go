package netns

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
)

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         int
	}{{"success", "exit 0", 0}, {"failure", "exit 3", 3}, {"signal", "kill -KILL $$", 137}} {
		c := exec.Command("sh", "-c", tt.script)
		c.Run() // its error is the status
		if got := ExitStatus(c.ProcessState); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{unix.ENOSPC, "user.max_user_namespaces"},
		{unix.EPERM, "or run as root"},
		{unix.EINVAL, "built without user namespaces"},
		{unix.ENOMEM, unix.ENOMEM.Error()},
	} {
		if got := explain(tt.err).Error(); !strings.Contains(got, tt.want) {
			t.Errorf("%v gives %q, which lacks %q", tt.err, got, tt.want)
		}
	}
}

func TestMain(m *testing.M) { nstest.Main(m) }

// TestForgedMarks has marks that no parent of ours set: none may be taken for one.
func TestForgedMarks(t *testing.T) {
	nstest.Require(t)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Skip("needs /proc: ", err)
	}
	// The last would be right in a namespace that is new, which the test's is not: lo is up.
	for _, mark := range []string{"", own, own + " 0", "net:[1]", "net:[1] x", "mnt:[1] 0", " 0", "net:[1] 1000"} {
		t.Setenv(markEnv, mark)
		if s, ok := inside(own); ok {
			t.Errorf("mark %q is believed: %+v", mark, s)
		}
	}
}

// TestAwait has it return when a child has ended, and not before; its status is left to take.
func TestAwait(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", "read _; exit 3")
	c.Stdin = r
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	ended := make(chan struct{})
	go func() { await(c.Process); close(ended) }()
	select {
	case <-ended:
		t.Error("it is not ended yet")
	default:
	}
	w.Close()
	<-ended
	c.Wait() // its error is the status
	if got := ExitStatus(c.ProcessState); got != 3 {
		t.Errorf("status %d, want 3", got)
	}
}

// TestTrim must leave a program that works.
func TestTrim(t *testing.T) {
	Trim()
	if got := strings.Repeat("ab", 2); got != "abab" {
		t.Errorf("after Trim: %q", got)
	}
}
