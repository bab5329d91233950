//go:build linux

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tapestry/bench/internal/lean"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Programs that connect a network namespace to the one they run in, through sockets of the latter, have the near end
// inside and the kernel's services outside, which here is the harness's own namespace: no route leads out of it.
//
//	near end ── kernel ── TAP ── pasta or slirp4netns ── sockets of the kernel ── far end
//
// Their own time counts as the far end's. Pasta's way to be fast is an MTU of 65520, its default: so it is measured, and
// at the other paths' 1500 as well.

// openOutside serves on an address of the namespace where the program runs.
func openOutside(f *far) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = outside(f.path)
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: f.path.peer()}); err != nil {
		return fmt.Errorf("veth %s: %w", attrs.Name, err)
	}
	for _, name := range []string{"lo", f.path.peer()} { // what is for an address of this namespace goes through lo
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return err
		}
	}
	if err := bringUp(attrs.Name, f.path.far()); err != nil {
		return err
	}
	return f.serveKernel()
}

// outside is the interface that has the far end's address: the programs want one that is not the loopback.
func outside(p *path) string { return "o-" + p.name }

func wrapPasta(w *way, place placement) error      { return w.wrapPasta("65520", place) }
func wrapSmallPasta(w *way, place placement) error { return w.wrapPasta("1500", place) }

// wrapPasta starts the near end in a namespace that pasta makes.
func (w *way) wrapPasta(mtu string, place placement) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := hidden(exec.Command("pasta",
		"--foreground", "--quiet", "--runas", "0", "--ipv4-only", "--config-net", "--mtu", mtu,
		"--interface", outside(w.path), "--ns-ifname", w.device(),
		"--address", w.path.near().String(), "--netmask", strconv.Itoa(prefixLen), "--gateway", w.subnet(3).String(),
		"--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
		"--", self, roleArg, "near", coresArg(place.near)))
	cmd.Env = append(os.Environ(), lean.Environ(nearThreads)...)
	cmd.Stderr = nil // it complains of a missing system log
	if w.near, err = start("near end behind pasta", cmd, place.far); err != nil {
		return err
	}
	w.between = cmd.Process
	return w.reach()
}

// wrapSlirp starts the near end in a namespace of its own, and slirp4netns for it.
func wrapSlirp(w *way, place placement) (err error) {
	near := roleCommand("near")
	near.SysProcAttr.Cloneflags = unix.CLONE_NEWNET
	near.Env = append(os.Environ(), lean.Environ(nearThreads)...)
	if w.near, err = start("near end behind slirp4netns", near, place.near); err != nil {
		return err
	}
	cmd := hidden(exec.Command("slirp4netns", "--configure", "--mtu=1500", "--cidr=203.0.113.0/24", "--ready-fd=3",
		strconv.Itoa(near.Process.Pid), w.device()))
	cmd.Stderr = nil
	ready, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd.ExtraFiles = []*os.File{writer}
	err = startOn(cmd, place.far)
	writer.Close()
	if err != nil {
		return err
	}
	w.between = cmd.Process
	ready.SetReadDeadline(time.Now().Add(limit))
	if n, err := ready.Read(make([]byte, 1)); n == 0 {
		return fmt.Errorf("slirp4netns does not come up: %w", err)
	}
	return w.reach()
}

// reach is an error if the near end is not where it should be.
func (w *way) reach() error {
	if _, err := w.near.look(w.path); err != nil {
		return fmt.Errorf("near end behind %s: %w", w.name, err)
	}
	return nil
}

// stopBetween ends the program between the ends.
func (w *way) stopBetween() {
	if w.between != nil {
		w.between.Kill()
		w.between.Wait()
	}
}

// betweenTime is the processor's time of that program.
func (w *way) betweenTime() time.Duration {
	if w.between == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.between.Pid))
	if err != nil {
		return 0
	}
	return statTime(string(b))
}

// clockTick is the unit of times in /proc, on all systems that Go runs on.
const clockTick = 10 * time.Millisecond

// statTime reads user and system time in a line of /proc/PID/stat. The second field is a name in parentheses, which
// may contain anything.
func statTime(line string) time.Duration {
	f := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// coresArg names cores for [onCores].
func coresArg(set unix.CPUSet) string {
	var names []string
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			names = append(names, strconv.Itoa(i))
		}
	}
	return strings.Join(names, ",")
}

// onCores begins this program again, in a role, on cores: all its threads will be there.
func onCores(cores string, args ...string) error {
	var set unix.CPUSet
	for _, name := range strings.Split(cores, ",") {
		i, err := strconv.Atoi(name)
		if err != nil {
			return fmt.Errorf("cores %q: %w", cores, err)
		}
		set.Set(i)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("cores %s: %w", cores, err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, append([]string{self, roleArg}, args...), os.Environ())
}
