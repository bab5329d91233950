package tap

import (
	"errors"
	"fmt"
	"log/slog"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
	"tapestry/link/ethernet"
)

// noProgram detaches.
const noProgram = -1

// attachProgram loads a program and has the device run it; req says for what. The device keeps it: our descriptor of it
// is not needed any more.
func attachProgram(fd int, req uint, name string, ins asm.Instructions) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: name, Type: ebpf.SocketFilter, Instructions: ins, License: "GPL"})
	if err != nil {
		return explainLoad(name, err)
	}
	defer p.Close()
	if err := unix.IoctlSetPointerInt(fd, req, p.FD()); err != nil {
		return fmt.Errorf("tap: attach the %s program (Linux 4.16 or later takes it): %w", name, err)
	}
	return nil
}

func explainLoad(name string, err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("tap: load the %s program: needs CAP_BPF, root's, not that of a user namespace (before Linux 5.11 also room in RLIMIT_MEMLOCK): %w",
			name, unix.EPERM)
	}
	return fmt.Errorf("tap: load the %s program: %w", name, err)
}

// steer has a program choose the queue that a frame comes in on, or, without one, the kernel: it learns a flow's queue
// from what is written.
func steer(fd int, c Config) Aid {
	detachErr := unix.IoctlSetPointerInt(fd, unix.TUNSETSTEERINGEBPF, noProgram)
	if c.Queues == 1 {
		return Aid{}
	}
	if c.NoSteering {
		return Aid{By: Builtin}
	}
	if detachErr != nil {
		return Aid{By: Builtin, Err: fmt.Errorf("tap: this kernel takes no steering program: %w", detachErr)}
	}
	if err := attachProgram(fd, unix.TUNSETSTEERINGEBPF, "steering", steering()); err != nil {
		return Aid{By: Builtin, Err: err}
	}
	return Aid{By: Program}
}

// filter has a program drop what a does not accept, or, without one, the device's list of addresses; nil accepts all.
// What was there before goes only after the new one is in place.
func filter(fd int, own ethernet.Addr, a *Accept) Aid {
	if a == nil {
		unfilter(fd)
		return Aid{}
	}
	err := attachProgram(fd, unix.TUNSETFILTEREBPF, "filter", accepting(own, *a))
	if err == nil {
		_ = setAddrFilter(fd, nil, 0)
		return Aid{By: Program}
	}
	aid := filterAddrs(fd, own, a)
	aid.Err = errors.Join(err, aid.Err)
	_ = unix.IoctlSetPointerInt(fd, unix.TUNSETFILTEREBPF, noProgram)
	return aid
}

// unfilter accepts all. A kernel without filters refuses, and accepts all.
func unfilter(fd int) {
	_ = unix.IoctlSetPointerInt(fd, unix.TUNSETFILTEREBPF, noProgram)
	_ = setAddrFilter(fd, nil, 0)
}

// unhelp takes all programs off.
func unhelp(fd int) {
	_ = unix.IoctlSetPointerInt(fd, unix.TUNSETSTEERINGEBPF, noProgram)
	unfilter(fd)
}

// maxExact is how many addresses the device's own filter compares (FLT_EXACT_COUNT); of groups beyond those it keeps a
// hash, with other stations it accepts everything.
const maxExact = 8

// filterAddrs uses the device's own filter, which takes no privilege and knows addresses only.
func filterAddrs(fd int, own ethernet.Addr, a *Accept) Aid {
	if len(a.Unicast) >= maxExact {
		_ = setAddrFilter(fd, nil, 0)
		return Aid{Err: fmt.Errorf("tap: the built-in filter holds %d stations, not %d", maxExact, 1+len(a.Unicast))}
	}
	list := append(append([]ethernet.Addr{own}, a.Unicast...), a.Groups...)
	flags := uint16(0)
	if a.Groups == nil {
		flags = fltAllMulti
	}
	if err := setAddrFilter(fd, list, flags); err != nil {
		return Aid{Err: fmt.Errorf("tap: set the built-in filter: %w", err)}
	}
	if a.Types != nil {
		return Aid{By: Builtin, Err: errors.New("tap: the built-in filter tells addresses apart, no protocols")}
	}
	return Aid{By: Builtin}
}

// fltAllMulti has the device's own filter accept every group (TUN_FLT_ALLMULTI).
const fltAllMulti = 1

// setAddrFilter is TUNSETTXFILTER with a struct tun_filter (linux/if_tun.h). An empty list accepts all.
func setAddrFilter(fd int, list []ethernet.Addr, flags uint16) error {
	var f struct {
		flags, count uint16
		addr         [1 + maxExact + maxAccept]ethernet.Addr
	}
	f.flags, f.count = flags, uint16(copy(f.addr[:], list))
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETTXFILTER, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return errno
	}
	return nil
}

// report says once which help there is.
func report(log *slog.Logger, name string, h Help) {
	if log == nil || h == (Help{}) {
		return
	}
	say := log.Info
	if h.Steering.Err != nil || h.Filter.Err != nil {
		say = log.Warn
	}
	say("tap: help of the kernel", "device", name, "steering", h.Steering.String(), "filter", h.Filter.String())
}
