package nstest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// TestInside holds what Require promises: another namespace than the machine's, and nothing in it but lo.
func TestInside(t *testing.T) {
	Require(t)
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if parent := os.Getenv(markEnv); own == parent {
		t.Fatalf("own namespace %s is the parent's", own)
	}
	ifs, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(ifs) != 1 || ifs[0].Name != "lo" || ifs[0].Flags&net.FlagUp == 0 {
		t.Fatalf("interfaces are %v, want lo alone, up", ifs)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestTool(t *testing.T) {
	if path := Tool(t, "sh"); !strings.HasSuffix(path, "/sh") {
		t.Errorf("Tool(sh) = %q", path)
	}
}

// TestOutcome runs this binary again and looks at how it ends.
func TestOutcome(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/exe")
	}
	tests := []struct {
		name   string
		run    string
		env    []string
		status int
		want   string
	}{
		{name: "pass", run: "TestTool", want: "--- PASS: TestTool"},
		{name: "exit status", run: "TestFails", env: []string{"NSTEST_FAIL=1", markEnv + "="}, status: 1, want: "on purpose"},
		{name: "skipped with the reason", run: "TestInside", env: []string{markEnv + "=" + none + "forbidden here"},
			want: "needs a network namespace of its own: forbidden here"},
		{name: "required", run: "TestInside", env: []string{markEnv + "=" + none + "forbidden here", requireEnv + "=1"},
			status: 1, want: "allows no skipping"},
		{name: "missing tool", run: "TestMissingTool", env: []string{"NSTEST_MISSING=1"},
			want: "needs the program no-such-program"},
		{name: "list", run: "", want: "TestInside"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"-test.v", "-test.run=^" + tt.run + "$"}
			if tt.run == "" {
				args = []string{"-test.list=."}
			}
			cmd := exec.Command("/proc/self/exe", args...)
			cmd.Env = append(append(os.Environ(), requireEnv+"="), tt.env...)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if !bytes.Contains(out, []byte(tt.want)) {
				t.Errorf("output lacks %q:\n%s", tt.want, out)
			}
		})
	}
}

func TestFails(t *testing.T) {
	if os.Getenv("NSTEST_FAIL") == "" {
		t.Skip("run by TestOutcome only")
	}
	t.Error("on purpose")
}

func TestMissingTool(t *testing.T) {
	if os.Getenv("NSTEST_MISSING") == "" {
		t.Skip("run by TestOutcome only")
	}
	Tool(t, "no-such-program")
}

// FuzzInside shows that fuzzing workers are inside too.
func FuzzInside(f *testing.F) {
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, _ []byte) { Require(t) })
}
