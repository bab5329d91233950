package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tapestry/internal/nstest"
)

// TestRealClients is what a user tries first.
func TestRealClients(t *testing.T) {
	for _, tool := range []string{"ping", "curl", "dig"} {
		nstest.Tool(t, tool)
	}
	script := `set -e
ping -c3 -i0.2 198.51.100.2
ping -c3 -i0.2 2001:db8:51::2
curl -fsS http://198.51.100.2/ >/dev/null
curl -fsS --cacert $TAPESTRY_CA https://alpha.lab.example/ --resolve alpha.lab.example:443:198.51.100.2 >/dev/null
dig @198.51.100.2 alpha.lab.example +short
curl -fsS 'http://[2001:db8:51::2]/' >/dev/null
curl -fsS --cacert $TAPESTRY_CA https://alpha.lab.example/ --resolve 'alpha.lab.example:443:[2001:db8:51::2]' >/dev/null
dig @2001:db8:51::2 alpha.lab.example AAAA +short
echo end
`
	users(t, func(t *testing.T, u user) {
		out, log, status := u.tapestry(t, "run", "--", "sh", "-c", script)
		if status != 0 || !strings.HasSuffix(out, "\n198.51.100.2\n2001:db8:51::2\nend\n") || strings.Count(out, " 0% packet loss") != 2 {
			t.Errorf("status %d\n%s%s", status, out, log)
		}
	})
}

// TestReadyTime: the best of three counts, since a busy machine says nothing about the lab.
func TestReadyTime(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		best := time.Hour
		for range 3 {
			begun := time.Now()
			if _, log, status := u.tapestry(t, "run", "--", "true"); status != 0 {
				t.Fatal(log)
			}
			if best = min(best, time.Since(begun)); best <= time.Second {
				return
			}
		}
		t.Errorf("up and down took %v at best, want less than 1s", best)
	})
}

func TestStatus(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	for _, tt := range []struct {
		name string
		args []string
		want int
		log  string
	}{
		{"success", []string{"run", "--", "true"}, 0, ""},
		{"the command's", []string{"run", "--", "sh", "-c", "exit 7"}, 7, ""},
		{"a signal's", []string{"run", "--", "sh", "-c", "kill -TERM $$"}, 143, ""},
		{"not found", []string{"run", "--", "/nosuch/program"}, 126, "no such file"},
		{"not found in PATH", []string{"run", "--", "nosuch-program"}, 127, "not found"},
		{"no lab", []string{"run", "/nosuch.toml", "--", "true"}, 125, "no such file"},
		{"no lab and no command", []string{"run", "/nosuch.toml"}, 2, "no such file"},
		{"nothing after --", []string{"run", "--"}, 2, "no command after --"},
		{"two files", []string{"run", "a", "b"}, 2, "one lab's file at most"},
		{"unknown flag", []string{"run", "--nosuch"}, 2, "see tapestry run --help"},
		{"log level", []string{"run", "--log-level", "loud"}, 2, "debug, info, warn, error"},
		{"no lab to ask", []string{"ping", "198.51.100.1"}, 2, "no lab is running; start one with `tapestry run`"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, log, status := u.tapestry(t, tt.args...)
			if status != tt.want || !strings.Contains(log, tt.log) {
				t.Errorf("status %d, want %d with %q:\n%s", status, tt.want, tt.log, log)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		out, log, status := u.tapestry(t, "run", "--", "env")
		if status != 0 {
			t.Fatal(log)
		}
		for _, want := range []string{"TAPESTRY_LAB=default\n", "TAPESTRY_HOST_ALPHA=198.51.100.2\n", "TAPESTRY_HOST_ALPHA_IPV6=2001:db8:51::2\n", "/ca.pem\n", "/control\n"} {
			if !strings.Contains(out, want) {
				t.Errorf("the environment lacks %q:\n%s", want, out)
			}
		}
		if strings.Contains(out, "TAPESTRY_NETNS") {
			t.Errorf("the mark of the namespace is handed on:\n%s", out)
		}
	})
}

// TestForgedMark has someone else set the mark of the namespace: it must not be believed.
func TestForgedMark(t *testing.T) {
	if os.Getuid() != 0 {
		nstest.Skip(t, "needs root to make a namespace that is in use")
	}
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	c := u.program(t, binary, "run", "--", "readlink", "/proc/self/ns/net")
	c.Env = append(c.Env, "TAPESTRY_NETNS="+own+" 0")
	out, err := c.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == own {
		t.Errorf("the lab ran in %s, which is the test's: %v", out, err)
	}
	// Any other mark, in a namespace that is in use.
	c = u.program(t, "unshare", "-n", "sh", "-euc", "ip link set lo up; readlink /proc/self/ns/net; "+
		"TAPESTRY_NETNS='net:[1] 0' "+binary+" run -- readlink /proc/self/ns/net")
	out, err = c.CombinedOutput()
	if ns := strings.Fields(string(out)); err != nil || len(ns) != 2 || ns[0] == ns[1] {
		t.Errorf("the lab ran in its caller's namespace: %v: %s", err, out)
	}
}

func TestSignals(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
			u.start(t).stop(t, sig)
		}
	})
}

// TestParentKilled kills the process that waits outside of the namespace, which cannot pass that on.
func TestParentKilled(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		b := u.start(t)
		if b.info.PID == b.cmd.Process.Pid {
			b.stop(t, unix.SIGTERM)
			t.Skip("there is only one process")
		}
		b.stop(t, unix.SIGKILL)
	})
}

// TestCommandIsSignalled ends the lab while a command runs: the command gets the signal, and its status counts.
func TestCommandIsSignalled(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		var log bytes.Buffer
		cmd := u.program(t, binary, "run", "--", "sh", "-c", `trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done`)
		cmd.Stderr = &log
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Errorf("the command did not start: %v", err)
		}
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 9 {
			t.Errorf("status %d, want the trap's 9\n%s", got, &log)
		}
	})
}

// TestCommandDiesWithLab kills the lab, which cannot end its command any more.
func TestCommandDiesWithLab(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		cmd := u.program(t, binary, "run", "--", "sh", "-c", "readlink /proc/self/ns/net; echo $PPID; exec sleep 50")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var ns string
		var lab int
		if _, err := fmt.Fscan(out, &ns, &lab); err != nil {
			t.Fatal(err)
		}
		unix.Kill(lab, unix.SIGKILL)
		cmd.Wait()
		for deadline := time.Now().Add(5 * time.Second); inUse(ns); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the command is left in %s", ns)
			}
		}
		dir := filepath.Join(u.dir, "tapestry")
		if u.dir == "" {
			dir = fmt.Sprintf("/tmp/tapestry-%d", u.uid)
		}
		os.RemoveAll(filepath.Join(dir, "default")) // the lab could not
		os.Remove(dir)
	})
}

// TestLeftProcesses has a command leave processes behind: they would keep the namespace.
func TestLeftProcesses(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		out, log, status := u.tapestry(t, "run", "--", "sh", "-c",
			`readlink /proc/self/ns/net; exec >/dev/null 2>&1; sleep 1000 & setsid sh -c 'trap "" TERM; sleep 1000 & wait' &`)
		if status != 0 {
			t.Fatal(log)
		}
		if ns := strings.TrimSpace(out); inUse(ns) {
			t.Errorf("a process is left in %s", ns)
		}
	})
}

func TestTwice(t *testing.T) {
	users(t, func(t *testing.T, u user) {
		b := u.start(t)
		_, log, status := u.tapestry(t, "run")
		if want := fmt.Sprintf(`lab "default" is running already (process %d)`, b.info.PID); status != 2 || !strings.Contains(log, want) {
			t.Errorf("a second lab gives status %d, want 2 with %q:\n%s", status, want, log)
		}
		b.stop(t, unix.SIGTERM)
	})
}

func TestStandardOutputIsTheCommands(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	out, log, status := u.tapestry(t, "run", "--table", "--", "echo", "hello")
	if status != 0 || out != "hello\n" || !strings.Contains(log, "tcp 80, tcp 443") {
		t.Errorf("status %d, output %q, error output\n%s", status, out, log)
	}
}

func TestConfigurationErrors(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	name := file(t, "[tap.tap0]\nadress = []\n[host.alpha]\n[[host.alpha.interface]]\ntap = \"tap0\"\naddress = \"auto\"\n")
	for _, command := range []string{"check", "run"} {
		out, log, status := u.tapestry(t, command, name)
		if status == 0 || out != "" || log != name+":2: tap.tap0.adress: unknown key; did you mean \"address\"?\n" {
			t.Errorf("%s: status %d\n%s%s", command, status, out, log)
		}
	}
}

func TestDefaultsAreALab(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	text, _, _ := u.tapestry(t, "defaults")
	if out, log, status := u.tapestry(t, "check", file(t, text)); status != 0 || !strings.Contains(out, "lab default is fine") {
		t.Errorf("status %d: %s%s", status, out, log)
	}
}

// inNamespace runs a script as root in network and mount namespaces of its own: what stands for the caller's namespace.
func inNamespace(t *testing.T, script string) string {
	t.Helper()
	if os.Getuid() != 0 {
		nstest.Skip(t, "needs root")
	}
	nstest.Tool(t, "ip")
	u := user{dir: runtimeDir(t, 0)}
	c := u.program(t, nstest.Tool(t, "unshare"), "--net", "--mount", "sh", "-ec", script)
	c.Env = append(c.Env, "TAPESTRY="+binary, "DIR="+filepath.Dir(binary))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

const hostLab = `netns = "host"
[tap.lab0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]
%s
[[host.alpha.interface]]
tap = "lab0"
address = ["198.51.100.2/24", "2001:db8:51::2/64"]
[host.alpha.app.echo]
`

func TestCallersNamespace(t *testing.T) {
	nstest.Tool(t, "ping")
	out := inNamespace(t, "$TAPESTRY run "+file(t, fmt.Sprintf(hostLab, ""))+` -- sh -ec '
		ip link show lab0; ping -c1 198.51.100.2; ping -c1 2001:db8:51::2'
		if ip link show lab0 2>/dev/null; then echo left; fi`)
	if strings.Count(out, " 0% packet loss") != 2 || strings.Contains(out, "left") {
		t.Error(out)
	}
}

func TestCallersNamespaceNeedsPrivileges(t *testing.T) {
	if os.Getuid() != 0 {
		nstest.Skip(t, "needs root to become another user")
	}
	_, log, status := user{uid: stranger, dir: strangerDir(t)}.tapestry(t, "run", file(t, fmt.Sprintf(hostLab, "")))
	if status != 2 || !strings.Contains(log, `netns = "host" needs CAP_NET_ADMIN; run as root, or remove the key`) {
		t.Errorf("status %d\n%s", status, log)
	}
}

func TestExistingTap(t *testing.T) {
	nstest.Tool(t, "ping")
	name := file(t, fmt.Sprintf(hostLab, "existing = true"))
	out := inNamespace(t, `ip tuntap add lab0 mode tap; ip addr add 198.51.100.1/24 dev lab0
		$TAPESTRY run `+name+` -- sh -ec 'ping -c1 198.51.100.2; ping -c1 2001:db8:51::2'
		echo; ip -o addr show lab0`)
	_, after, _ := strings.Cut(out, "\n\n\n")
	if strings.Count(out, " 0% packet loss") != 2 {
		t.Error(out)
	}
	if !strings.Contains(out, "inet 198.51.100.1/24") || strings.Contains(after, "2001:db8:51::1") {
		t.Errorf("the TAP is not as it was:\n%s", out)
	}
}

func TestPacketOnAnInterface(t *testing.T) {
	nstest.Tool(t, "ping")
	name := file(t, "netns = \"host\"\n[tap.wire]\ndevice = \"packet\"\ninterface = \"eth9\"\n[[host.alpha.interface]]\ntap = \"wire\"\naddress = [\"203.0.113.2/24\"]\n")
	out := inNamespace(t, `ip link add eth9 type veth peer name far; ip link set eth9 up; ip addr add 203.0.113.1/24 dev far; ip link set far up
		$TAPESTRY run `+name+` -- ping -c1 203.0.113.2; ip link show eth9`)
	if !strings.Contains(out, " 0% packet loss") {
		t.Error(out)
	}
}

// TestOpenDevice has a device node that everyone may open, as on most desktops.
func TestOpenDevice(t *testing.T) {
	nstest.Tool(t, "ping")
	runtime := ""
	if dir := strangerDir(t); dir != "" {
		runtime = "export XDG_RUNTIME_DIR=" + dir
	}
	script := fmt.Sprintf(`mount --make-rprivate /
		mknod $DIR/tun c 10 200; chmod 666 $DIR/tun; mount --bind $DIR/tun /dev/net/tun; rm -f $DIR/tun.old
		unset XDG_RUNTIME_DIR; %s
		setpriv --reuid=%d --regid=%d --clear-groups $TAPESTRY run --table -- ping -c1 198.51.100.2
		umount /dev/net/tun; rm $DIR/tun`, runtime, stranger, stranger)
	nstest.Tool(t, "setpriv")
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		nstest.Skip(t, "needs /dev/net/tun")
	}
	out := inNamespace(t, script)
	if !strings.Contains(out, "/dev/net/tun is open to this user") || !strings.Contains(out, " 0% packet loss") {
		t.Error(out)
	}
}

// TestClosedTmp has a user without a runtime folder and a /tmp that is not theirs to write.
func TestClosedTmp(t *testing.T) {
	nstest.Tool(t, "setpriv")
	out := inNamespace(t, fmt.Sprintf(`mount --make-rprivate /
		mount -t tmpfs -o mode=755 tmpfs /mnt; cp $TAPESTRY /mnt/tapestry; mount -t tmpfs -o mode=755 tmpfs /tmp
		unset XDG_RUNTIME_DIR
		setpriv --reuid=%d --regid=%d --clear-groups /mnt/tapestry run --table || echo status $?
		umount /tmp /mnt`, stranger, stranger))
	if !strings.Contains(out, "permission denied; set XDG_RUNTIME_DIR to a folder of your own") || !strings.Contains(out, "status 2") {
		t.Error(out)
	}
}

// TestTapDisappears takes the kernel's side away under a running lab.
func TestTapDisappears(t *testing.T) {
	out := inNamespace(t, "(sleep 0.5; ip link del lab0) & $TAPESTRY run "+file(t, fmt.Sprintf(hostLab, ""))+" || echo status $?")
	if !strings.Contains(out, "status 2") || !strings.Contains(out, "wire lab0 is gone") {
		t.Error(out)
	}
}

func TestOffloadsOff(t *testing.T) {
	for _, tt := range []struct{ name, keys, want string }{
		{"all", "", "checksum tso4 tso6"},
		{"tso4", "tso4 = false", "checksum tso6"},
		{"checksum", "checksum = false", "none"},
		{"packet", "device = \"packet\"\ntso6 = false", "checksum tso4"},
		{"water", "device = \"water\"", "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
			if os.Getuid() != 0 {
				nstest.Skip(t, "needs root for a TAP")
			}
			name := file(t, strings.Replace(fmt.Sprintf(hostLab, tt.keys), `netns = "host"`, "", 1))
			b := u.start(t, name)
			if got := b.info.Wires[0].Offloads; !strings.HasPrefix(got, tt.want) {
				t.Errorf("offloads are %q, want %q", got, tt.want)
			}
			b.stop(t, unix.SIGTERM)
		})
	}
}

// TestCapture has another program read what a lab captured.
func TestCapture(t *testing.T) {
	tcpdump := nstest.Tool(t, "tcpdump")
	nstest.Tool(t, "ping")
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	capture := filepath.Join(t.TempDir(), "lab0.pcapng")
	name := file(t, strings.Replace(fmt.Sprintf(hostLab, fmt.Sprintf("capture = %q", capture)), `netns = "host"`, "", 1))
	if out, log, status := u.tapestry(t, "run", name, "--", "ping", "-c1", "198.51.100.2"); status != 0 {
		t.Fatal(out, log)
	}
	out, err := exec.Command(tcpdump, "-nr", capture, "icmp").CombinedOutput()
	if err != nil || strings.Count(string(out), "ICMP echo") != 2 {
		t.Errorf("tcpdump: %v\n%s", err, out)
	}
}

// TestMemory holds the lab and the process that waits for it to what an idle lab may take; pages of the program that both
// have count once.
func TestMemory(t *testing.T) {
	const most = 32 << 10 // KiB
	users(t, func(t *testing.T, u user) {
		b := u.start(t)
		total := 0
		for pid := range map[int]bool{b.cmd.Process.Pid: true, b.info.PID: true} {
			total += resident(t, pid)
		}
		t.Logf("%d KiB resident, ready in %.0f ms", total, 1000*b.info.ReadyTime)
		if total > most {
			t.Errorf("%d KiB resident, want at most %d", total, most)
		}
		b.stop(t, unix.SIGTERM)
	})
}

// resident gives a process's share of resident memory in KiB.
func resident(t *testing.T, pid int) (kib int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nPss:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
