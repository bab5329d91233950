package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"tapestry/bench/internal/netns"

	"golang.org/x/sys/unix"
)

// placement says on which cores the ends run; the sets are empty where all are allowed.
type placement struct {
	near, far unix.CPUSet
}

func placementNamed(name string) (placement, error) {
	var all, first, others unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return placement{}, err
	}
	for i := range len(all) * 64 {
		switch {
		case !all.IsSet(i):
		case first.Count() == 0:
			first.Set(i)
		default:
			others.Set(i)
		}
	}
	switch name {
	case "free":
		return placement{all, all}, nil
	case "same":
		return placement{first, first}, nil
	case "split":
		if others.Count() == 0 {
			return placement{}, fmt.Errorf("placement split needs two cores")
		}
		return placement{first, others}, nil
	}
	return placement{}, fmt.Errorf("no placement %q; there are free, split, same", name)
}

// command is this program in a role, to be run by start.
func command(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(netns.Self, append([]string{role}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// start starts cmd on cores, which its runtime takes GOMAXPROCS from. The caller's thread must be locked.
func start(cmd *exec.Cmd, cores unix.CPUSet) error {
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &cores); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &own)
	return cmd.Start()
}

// farEnd is a running far end.
type farEnd struct {
	path path
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// startFar starts a path's far end and waits until it serves.
func startFar(p path, cores unix.CPUSet) (*farEnd, error) {
	cmd := command("role-far", p.name)
	if p.ownNetns {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNET
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(cmd, cores); err != nil {
		return nil, err
	}
	f := &farEnd{path: p, cmd: cmd, in: in, out: json.NewDecoder(out)}
	if p.ownNetns {
		err = furnish(p, cmd.Process.Pid)
	}
	if err == nil {
		_, err = f.ask()
	}
	if err != nil {
		f.stop()
		return nil, fmt.Errorf("far end of %s: %w", p.name, err)
	}
	return f, nil
}

// ask gets a report.
func (f *farEnd) ask() (report, error) {
	if _, err := io.WriteString(f.in, "\n"); err != nil {
		return report{}, err
	}
	var r report
	err := f.out.Decode(&r)
	return r, err
}

func (f *farEnd) stop() {
	f.in.Close()
	f.cmd.Wait()
}

// runNear runs one client to its end.
func runNear(w work, p path, d time.Duration, cores unix.CPUSet) (r report, err error) {
	cmd := command("role-near", w.name, p.far, d.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := start(cmd, cores); err != nil {
		return r, err
	}
	watch := time.AfterFunc(d+time.Minute, func() { cmd.Process.Kill() })
	defer watch.Stop()
	decodeErr := json.NewDecoder(out).Decode(&r)
	if err := cmd.Wait(); err != nil {
		return r, fmt.Errorf("near end of %s, %s: %w", p.name, w.name, err)
	}
	return r, decodeErr
}
