package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapestry/internal/nstest"
)

// program is the path of the program under test. It and its folder are readable to every user.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		f.Value.Set("6") // most tests wait for a peer most of the time
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tapestry-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "tapestry")
	if out, err := exec.Command("go", "build", "-o", program, "tapestry/cmd/tapestry").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// options change how a lab is run. The zero value is right for most tests.
type options struct {
	flags []string          // of run, before the lab's file
	env   []string          // NAME=value, beside the test's own
	wrap  []string          // what the program is started by: setpriv …, unshare -n
	files map[string]string // beside the lab's file, by name; those with a "#!" are executable
	uid   int               // of the folders; the wrap makes the program run as that user
	limit time.Duration     // default 1 minute
	any   bool              // it may leave something behind, or panic: the test looks itself
}

// runLab runs a script with sh -eu inside a lab: that of labTOML, or the default one if it is empty. The script's working
// folder is a fresh one that holds o.files. err is an *exec.ExitError if the status is not 0.
func runLab(t testing.TB, labTOML, script string, o options) (stdout, stderr string, err error) {
	t.Helper()
	needLab(t)
	o, args := runArgs(o, labTOML, "sh", "-euc", script)
	return newProcess(t, o, args...).run(t)
}

// mustRun is runLab for scripts that succeed.
func mustRun(t testing.TB, labTOML, script string, o options) (stdout string) {
	t.Helper()
	stdout, stderr, err := runLab(t, labTOML, script, o)
	if err != nil {
		t.Fatalf("%v\nscript: %s\nstdout: %s\nstderr: %s", err, script, stdout, stderr)
	}
	return stdout
}

// runArgs gives the arguments of run, and the options with the lab's file among the files.
func runArgs(o options, labTOML string, command ...string) (options, []string) {
	args := append([]string{"run"}, o.flags...)
	if labTOML != "" {
		files := map[string]string{"lab.toml": labTOML}
		maps.Copy(files, o.files)
		o.files = files
		args = append(args, "lab.toml")
	}
	return o, append(append(args, "--"), command...)
}

// process is the program, running.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr lockedBuffer
	dir            string // working folder
	runtime        string // folder of control sockets
	o              options
	waiting        sync.Once
	done           chan error
}

// newProcess prepares the program with these arguments.
func newProcess(t testing.TB, o options, args ...string) *process {
	t.Helper()
	if o.limit == 0 {
		o.limit = time.Minute
	}
	p := &process{o: o, dir: folder(t, "work", o.uid), runtime: folder(t, "run", o.uid), done: make(chan error, 1)}
	for name, text := range o.files {
		writeFile(t, p.dir, name, text, o.uid)
	}
	argv := append(append([]string{}, o.wrap...), append([]string{program}, args...)...)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir = p.dir
	p.cmd.Env = append(os.Environ(), "PROGRAM="+program, "HOME="+p.dir, "TMPDIR="+p.dir, "XDG_RUNTIME_DIR="+p.runtime, "LC_ALL=C")
	p.cmd.Env = append(p.cmd.Env, o.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second
	return p
}

// run runs the process to its end, or to its limit.
func (p *process) run(t testing.TB) (stdout, stderr string, err error) {
	t.Helper()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err = p.wait(t)
	return p.stdout.String(), p.stderr.String(), err
}

// wait waits for the end, ends what takes too long, and looks at what is left.
func (p *process) wait(t testing.TB) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), p.o.limit)
	defer cancel()
	var err error
	select {
	case err = <-p.ended():
	case <-ctx.Done():
		t.Errorf("%v is not done after %v", p.cmd.Args, p.o.limit)
		p.end()
		return ctx.Err()
	}
	if !p.o.any {
		p.look(t)
	}
	return err
}

// ended gives the error of a process that was started, when it ends.
func (p *process) ended() <-chan error {
	p.waiting.Do(func() { go func() { p.done <- p.cmd.Wait() }() })
	return p.done
}

// end ends the process and its group.
func (p *process) end() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended():
	case <-time.After(5 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended()
	}
}

// look says what the process left that it should not have.
func (p *process) look(t testing.TB) {
	t.Helper()
	for _, sign := range []string{"panic:", "fatal error:", "goroutine 1 [", "DATA RACE", "a session panicked"} {
		if strings.Contains(p.stderr.String(), sign) {
			t.Errorf("%q on standard error:\n%s", sign, p.stderr.String())
		}
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of %v is left (%v)", p.cmd.Args, err)
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	entries, err := os.ReadDir(p.runtime)
	if err != nil || len(entries) > 0 {
		t.Errorf("left in the folder of control sockets: %v %v", entries, err)
	}
}

// needLab skips the test where no lab can be had.
func needLab(t testing.TB) {
	t.Helper()
	if reason := noLab(); reason != "" {
		nstest.Skip(t, reason)
	}
}

// noLab says why no lab can be had here; empty if one can.
var noLab = sync.OnceValue(func() string {
	out, err := exec.Command("unshare", "--net", "true").CombinedOutput()
	if err == nil {
		return ""
	}
	if _, err2 := exec.Command("unshare", "--net", "--user", "--map-root-user", "true").CombinedOutput(); err2 == nil {
		return ""
	}
	return fmt.Sprintf("needs a network namespace of its own: %v: %s", err, bytes.TrimSpace(out))
})

// need skips the test where one of the programs is not installed.
func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, name := range tools {
		nstest.Tool(t, name)
	}
}

// needRoot skips the test where it does not run as root.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		nstest.Skip(t, "needs root")
	}
}

// folder makes a folder of that user's own. Its path is short: those of sockets are limited to 107 octets.
func folder(t testing.TB, name string, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tapestry-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own(t, dir, uid)
	return dir
}

func writeFile(t testing.TB, dir, name, text string, uid int) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	own(t, path, uid)
}

func own(t testing.TB, path string, uid int) {
	t.Helper()
	if uid == 0 {
		return
	}
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is a bytes.Buffer that is read while it grows.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String gives what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// status gives the exit status in err; -1 if there is none in it.
func status(err error) int {
	var e *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.ExitCode()
	}
	return -1
}
