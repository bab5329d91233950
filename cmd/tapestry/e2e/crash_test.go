package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestCrash ends labs with SIGKILL, which no program hears: the namespace goes with the process, and the next lab of
// that name starts over what was left.
func TestCrash(t *testing.T) {
	t.Parallel()
	needLab(t)
	need(t, "ping")
	for _, who := range []string{"this user", "an ordinary user"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			o := options{any: true}
			if who != "this user" {
				o = asNobody(t)
				o.any = true
			}
			p := newProcess(t, o, "run")
			if err := p.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			as := func(script string) string {
				s := newProcess(t, options{wrap: append(append([]string{}, o.wrap...), "sh", "-euc", script)})
				s.cmd.Env, s.cmd.Dir = p.cmd.Env, p.dir
				stdout, stderr, err := s.run(t)
				if err != nil {
					t.Errorf("%s: %v %s%s", script, err, stdout, stderr)
				}
				return strings.TrimSpace(stdout)
			}
			namespace := as(`until "$0" shell -- readlink /proc/self/ns/net 2>/dev/null; do sleep 0.02; done`)
			if processesIn(namespace) == nil {
				t.Fatalf("no process is in the lab's namespace %q", namespace)
			}
			if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			p.wait(t)
			as(fmt.Sprintf(`for i in $(seq 100); do ls -l /proc/[0-9]*/ns/net 2>/dev/null | grep -qF '%s' || exit 0; sleep 0.02; done; exit 1`, namespace))
			if out := as(`"$0" labs`); strings.Contains(out, "default") {
				t.Errorf("labs lists the dead:\n%s", out)
			}
			as(`"$0" run -- ping -q -c1 198.51.100.2`)
		})
	}
}
