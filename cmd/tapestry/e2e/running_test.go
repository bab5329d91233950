package e2e

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runningLab is a lab that stays until the test's end.
type runningLab struct {
	*process
	stdin     io.WriteCloser
	namespace string // "net:[4026532000]"
	stopped   bool
}

// startLab brings a lab up that lasts until stop or the test's end.
func startLab(t testing.TB, labTOML string, o options) *runningLab {
	t.Helper()
	needLab(t)
	o, args := runArgs(o, labTOML, "sh", "-c", "readlink /proc/self/ns/net; echo ready; read _ || true")
	l := &runningLab{process: newProcess(t, o, args...)}
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(l.stdout.String(), "ready\n") {
		select {
		case err := <-l.ended():
			t.Fatalf("the lab does not come up: %v %s", err, l.stderr.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	// Tools would look in folders that are not the test's as well, and find other labs of the user's.
	if sockets, _ := filepath.Glob(filepath.Join(l.runtime, "tapestry", "*", "control")); len(sockets) == 1 {
		l.cmd.Env = append(l.cmd.Env, "TAPESTRY_SOCKET="+sockets[0])
	}
	l.namespace = strings.TrimSpace(strings.TrimSuffix(l.stdout.String(), "ready\n"))
	t.Cleanup(func() { l.stop(t) })
	return l
}

// stop ends the lab and looks at what it left.
func (l *runningLab) stop(t testing.TB) {
	t.Helper()
	if l.stopped {
		return
	}
	l.stopped = true
	l.stdin.Close()
	if err := l.wait(t); err != nil {
		t.Errorf("the lab ends with %v: %s", err, l.stderr.String())
	}
	if l.o.any {
		return
	}
	pids := processesIn(l.namespace)
	for end := time.Now().Add(5 * time.Second); pids != nil && time.Now().Before(end); pids = processesIn(l.namespace) {
		time.Sleep(10 * time.Millisecond) // a process that has said all may still be about to end
	}
	if pids != nil {
		t.Errorf("the lab's namespace %s lives on in processes %v", l.namespace, pids)
	}
}

// processesIn lists the processes in a network namespace, of those that this user may see.
func processesIn(namespace string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, link := range links {
		if ns, err := os.Readlink(link); err == nil && ns == namespace {
			pids = append(pids, strings.Split(link, "/")[2])
		}
	}
	return pids
}

// try runs a script with sh -eu inside the lab, for at most limit.
func (l *runningLab) try(limit time.Duration, script string) (stdout, stderr string, err error) {
	return l.outside(limit, program, "shell", "--", "sh", "-euc", script)
}

// outside runs a command in the lab's folder and environment and as its user, but not in its namespace.
func (l *runningLab) outside(limit time.Duration, argv ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if l.o.uid != 0 {
		argv = slices.Concat(setpriv, argv)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = l.cmd.Dir, l.cmd.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// limit is what a script usually has.
const limit = time.Minute

// sh is try for scripts that succeed within a minute.
func (l *runningLab) sh(t testing.TB, script string) (stdout string) {
	t.Helper()
	stdout, stderr, err := l.try(limit, script)
	if err != nil {
		t.Fatalf("%v\nscript: %s\nstdout: %s\nstderr: %s\nlab: %s", err, script, stdout, stderr, l.stderr.String())
	}
	return stdout
}

// tool runs one of the program's own commands.
func (l *runningLab) tool(t testing.TB, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, err := l.outside(20*time.Second, append([]string{program}, args...)...)
	if err != nil {
		t.Fatalf("tapestry %s: %v\nstdout: %s\nstderr: %s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}
