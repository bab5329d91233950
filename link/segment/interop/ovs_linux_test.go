package interop

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapestry/internal/nstest"
)

// TestOpenVSwitch has one Open vSwitch, of which a namespace can hold no second, take part in VLANs, a spanning tree and a
// tunnel.
func TestOpenVSwitch(t *testing.T) {
	nstest.Require(t)
	needTUN(t) // its datapath makes one for each bridge
	t.Parallel()
	o := startOVS(t)
	t.Run("tree", func(t *testing.T) { t.Parallel(); testTree(t, o) })
	t.Run("vxlan", func(t *testing.T) { t.Parallel(); testVXLAN(t, o) })
	t.Run("vlans", func(t *testing.T) {
		t.Parallel()
		t.Run("veth", func(t *testing.T) { testVLANs(t, o, overVeth) })
		t.Run("tap", func(t *testing.T) { testVLANs(t, o, overTAP) })
	})
}

// ovs is an Open vSwitch of the test's own, with its datapath in user space.
type ovs struct {
	dir string
}

// startOVS starts the database and the switch in this namespace, with all their files in a folder of the test's. They
// are children, and end with it.
func startOVS(t *testing.T) *ovs {
	t.Helper()
	for _, program := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl"} {
		nstest.Tool(t, program)
	}
	o := &ovs{dir: t.TempDir()}
	const schema = "/usr/share/openvswitch/vswitch.ovsschema"
	if _, err := os.Stat(schema); err != nil {
		nstest.Skip(t, err.Error())
	}
	db := filepath.Join(o.dir, "conf.db")
	o.run(t, "ovsdb-tool", "create", db, schema)
	o.start(t, "ovsdb-server", db, "--remote=p"+o.database(), "--pidfile="+o.dir+"/ovsdb.pid", "--unixctl="+o.dir+"/ovsdb.ctl")
	eventually(t, 10*time.Second, "the database of Open vSwitch answers", func() bool {
		return o.command("ovs-vsctl", "--db="+o.database(), "--no-wait", "--timeout=2", "init").Run() == nil
	})
	o.start(t, "ovs-vswitchd", o.database(), "--disable-system", "--pidfile="+o.dir+"/switch.pid", "--unixctl="+o.control())
	eventually(t, 10*time.Second, "Open vSwitch answers", func() bool {
		return o.command("ovs-appctl", "-t", o.control(), "version").Run() == nil
	})
	return o
}

func (o *ovs) database() string { return "unix:" + o.dir + "/db.sock" }
func (o *ovs) control() string  { return o.dir + "/switch.ctl" }

// command is a program of Open vSwitch that knows of this one's folder alone.
func (o *ovs) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = os.Environ()
	for _, v := range []string{"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"} {
		cmd.Env = append(cmd.Env, v+"="+o.dir)
	}
	return cmd
}

func (o *ovs) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := o.command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// vsctl changes the switch, and returns when it has done so.
func (o *ovs) vsctl(t *testing.T, args ...string) {
	t.Helper()
	o.run(t, "ovs-vsctl", append([]string{"--db=" + o.database(), "--timeout=10"}, args...)...)
}

// appctl asks the switch.
func (o *ovs) appctl(t *testing.T, args ...string) string {
	t.Helper()
	return o.run(t, "ovs-appctl", append([]string{"-t", o.control()}, args...)...)
}

// start starts a daemon as a child that is ended with the test, and with the process if that is killed.
func (o *ovs) start(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := o.command(program, args...)
	log := &bytes.Buffer{}
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig watches the thread that starts
		started <- cmd.Start()
		ended <- cmd.Wait()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
				t.Errorf("%s: %v", program, err)
			}
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", program, tail(log.String(), 40))
		}
	})
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
