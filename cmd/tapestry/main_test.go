package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/internal/nstest"
)

// binary is the program, built once; anyone may run it.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tapestry-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tapestry")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// stranger is a user who is nobody on any machine, and another one for each process: their labs share a folder in /tmp.
var stranger = 61000 + os.Getpid()%4000

// strangerDir is the stranger's XDG_RUNTIME_DIR: none, as for a user who never logged in, where /tmp is open to all.
func strangerDir(t *testing.T) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/tmp", &st); err != nil {
		t.Fatal(err)
	}
	if st.Mode&0o002 != 0 {
		return ""
	}
	return runtimeDir(t, stranger)
}

// users are those who must be able to run a lab.
func users(t *testing.T, test func(t *testing.T, u user)) {
	t.Run("this user", func(t *testing.T) { test(t, user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}) })
	t.Run("ordinary user", func(t *testing.T) {
		if os.Getuid() != 0 {
			nstest.Skip(t, "needs root to become another user")
		}
		u := user{uid: stranger, dir: strangerDir(t)}
		if out, err := u.program(t, "unshare", "-Urn", "true").CombinedOutput(); err != nil {
			nstest.Skip(t, fmt.Sprintf("needs user namespaces: %v: %s", err, out))
		}
		t.Cleanup(func() {
			if left, _ := os.ReadDir(fmt.Sprintf("/tmp/tapestry-%d", stranger)); len(left) > 0 {
				t.Errorf("left in the user's folder: %v", left)
			}
		})
		test(t, u)
	})
}

// user runs programs.
type user struct {
	uid int
	dir string // XDG_RUNTIME_DIR; empty: none
}

func runtimeDir(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run-") // a short path: sockets go below it
	if err == nil {
		err = os.Chown(dir, uid, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left in the runtime folder: %v", left)
		}
		os.RemoveAll(dir)
	})
	return dir
}

// program is a command of the user's, with an environment that has nothing else. It ends with the test.
func (u user) program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = "/"
	c.Env = []string{"PATH=" + os.Getenv("PATH")}
	if u.dir != "" {
		c.Env = append(c.Env, "XDG_RUNTIME_DIR="+u.dir)
	}
	if u.uid != os.Getuid() {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.uid)}}
	}
	return c
}

// tapestry runs the program to its end.
func (u user) tapestry(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	c := u.program(t, binary, args...)
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), c.ProcessState.ExitCode()
}

// background is a lab that runs until the test ends it.
type background struct {
	cmd  *exec.Cmd
	info lab.Info
	log  *bytes.Buffer
}

// start runs a lab and waits until it is ready: it prints its table then.
func (u user) start(t *testing.T, args ...string) *background {
	t.Helper()
	b := &background{cmd: u.program(t, binary, append([]string{"run", "--json"}, args...)...), log: new(bytes.Buffer)}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stderr = b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(out).Decode(&b.info); err != nil {
		b.cmd.Wait()
		t.Fatalf("no table: %v\n%s", err, b.log)
	}
	return b
}

// stop sends the signal and checks that nothing is left.
func (b *background) stop(t *testing.T, sig os.Signal) {
	t.Helper()
	ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", b.info.PID))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Wait(); sig != unix.SIGKILL && err != nil {
		t.Errorf("the lab ends with %v\n%s", err, b.log)
	}
	gone := func() bool {
		_, err := os.Stat(b.info.Socket)
		return errors.Is(err, os.ErrNotExist) && !inUse(ns)
	}
	for deadline := time.Now().Add(5 * time.Second); !gone(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v the socket %s or the namespace %s is left", sig, b.info.Socket, ns)
		}
	}
}

// inUse reports whether a process is in the namespace.
func inUse(ns string) bool {
	procs, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, p := range procs {
		if got, err := os.Readlink(p); err == nil && got == ns {
			return true
		}
	}
	return false
}

// file writes a lab's file that everyone can read.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(filepath.Dir(binary), strings.ReplaceAll(t.Name(), "/", "_")+".toml")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
