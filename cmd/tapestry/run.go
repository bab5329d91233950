package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/cmd/tapestry/internal/netns"
	"tapestry/internal/procs"
)

// runner is the command run.
type runner struct {
	cmd      *cobra.Command
	json     bool
	quiet    bool
	name     string // of the lab; default: the file's
	logLevel slog.Level
	command  []string
	began    time.Time
}

func runCommand() *cobra.Command {
	r := &runner{began: time.Now()}
	c := &cobra.Command{
		Use:   "run [lab.toml] [-- command [argument…]]",
		Short: "Bring a lab up, and take it down at the end",
		Long: `Brings up the hosts of a lab's file, or those of the embedded default lab, in a network namespace of their own, and
prints what is there. The lab ends with Ctrl-C.

With a command after --, runs it beside the hosts and exits with its status once everything is taken down again. Its
environment has TAPESTRY_LAB, TAPESTRY_DOMAIN, TAPESTRY_SOCKET, TAPESTRY_CA (the certificate of the lab's authority, PEM),
and for a host called alpha TAPESTRY_HOST_ALPHA, TAPESTRY_HOST_ALPHA_IPV6, TAPESTRY_HOST_ALPHA_IPX (network and node) and
TAPESTRY_HOST_ALPHA_NAME, as far as it has them. A network that the host learns from others is not known yet when the command
starts: it is 00000000 then, and later in tapestry ipx ports. What the command leaves running is ended. Only warnings are printed then, on standard error; --table prints the table there too.

The status is the command's, 128 and the number of the signal that ended it, 127 if it is not found, 126 if it cannot
be run, and 125 if the lab fails.`,
		Example: `  tapestry run
  tapestry run lab.toml
  tapestry run -- sh -c 'ping -c3 $TAPESTRY_HOST_ALPHA'
  tapestry run -- sh -c 'curl http://$TAPESTRY_HOST_ALPHA/'
  tapestry run --name job-7 -- sh -c 'ping -c3 $TAPESTRY_HOST_ALPHA'`,
		Args: func(c *cobra.Command, args []string) error { return r.takeArgs(c, args) },
	}
	table := false
	level := "info"
	c.Flags().BoolVar(&r.json, "json", false, "print the table as JSON")
	c.Flags().BoolVarP(&r.quiet, "quiet", "q", false, "print no table")
	c.Flags().StringVar(&r.name, "name", "", "name of the lab, in place of the file's: labs of different names run side by side")
	c.Flags().BoolVar(&table, "table", false, "print the table also when a command is run")
	c.Flags().StringVar(&level, "log-level", "info", "least level of what is logged: debug, info, warn, error")
	c.RunE = func(c *cobra.Command, args []string) error {
		r.cmd = c
		r.quiet = r.quiet || r.command != nil && !table && !r.json
		if r.command != nil && !c.Flags().Changed("log-level") {
			level = "warn"
		}
		if err := r.logLevel.UnmarshalText([]byte(level)); err != nil {
			return fmt.Errorf("--log-level %q is none of debug, info, warn, error", level)
		}
		file := ""
		if n := c.ArgsLenAtDash(); len(args) > 0 && n != 0 {
			file = args[0]
		}
		err := r.run(file)
		var status exitStatus
		if err != nil && r.command != nil && !errors.As(err, &status) {
			report(err)
			return exitStatus(125)
		}
		return err
	}
	c.ValidArgsFunction = labFiles
	return c
}

// takeArgs splits the arguments at "--".
func (r *runner) takeArgs(c *cobra.Command, args []string) error {
	n := c.ArgsLenAtDash()
	if n >= 0 {
		r.command = args[n:]
		args = args[:n]
		if len(r.command) == 0 {
			return errors.New("no command after --; leave -- out to run the lab until Ctrl-C")
		}
	}
	if len(args) > 1 {
		return fmt.Errorf("one lab's file at most, got %d arguments; a command goes after --", len(args))
	}
	return nil
}

// run enters the lab's namespace and brings the lab up there.
func (r *runner) run(file string) error {
	plan, err := lab.LoadFileAs(file, r.name, all.Apps)
	if err != nil {
		return err
	}
	state := netns.Outside()
	if plan.Own {
		if state, err = netns.Enter(); err != nil {
			return err
		}
	} else if !netns.MayConfigure() {
		return errors.New(`netns = "host" needs CAP_NET_ADMIN; run as root, or remove the key: the lab then gets a namespace of its own`)
	}
	claim, err := control.ClaimLab(control.Dirs(os.Getenv("XDG_RUNTIME_DIR"), state.UID)[0], plan.Name)
	if errors.Is(err, control.ErrRunning) {
		return fmt.Errorf("%w; end that one, or give this one another name with --name", err)
	}
	if err != nil {
		return err
	}
	err = r.runClaimed(plan, state, claim)
	if e := claim.Release(); e != nil && err == nil {
		err = e
	}
	return err
}

func (r *runner) runClaimed(plan *lab.Plan, state netns.State, claim *control.Claim) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: r.logLevel}))
	l, err := lab.Start(plan, lab.Config{Log: log, CAFile: claim.CAPath()})
	if err != nil {
		return err
	}
	defer procs.Start(procs.Config{Fixed: plan.Procs, Env: os.Getenv("GOMAXPROCS"), Log: log})()
	at := lab.Place{User: state.User, Socket: claim.SocketPath(), CA: claim.CAPath(), ReadyTime: time.Since(r.began)}
	s, err := control.Serve(claim.SocketPath(), l.Commands(at), log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	err = r.live(l, l.Info(at))
	if e := errors.Join(s.Close(), l.Close()); err == nil {
		err = e
	}
	return err
}

// live shows the lab and stays until its end.
func (r *runner) live(l *lab.Lab, i lab.Info) error {
	if err := r.show(i); err != nil {
		return err
	}
	if r.command != nil {
		return runBeside(r.command, i)
	}
	debug.FreeOSMemory() // what starting took is not needed again
	netns.Trim()
	return wait(r.cmd.Context(), l)
}

// wait stays until a signal, or until the last of the lab's devices is gone.
func wait(ctx context.Context, l *lab.Lab) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.Gone():
		return err
	}
}

func (r *runner) show(i lab.Info) error {
	var w io.Writer = os.Stdout
	if r.command != nil {
		w = os.Stderr // standard output is the command's
	}
	switch {
	case r.json:
		return printJSON(w, i)
	case r.quiet:
		return nil
	}
	if err := i.WriteTable(w); err != nil {
		return err
	}
	if r.command == nil {
		fmt.Fprintln(w, "\nCtrl-C ends the lab")
	}
	return nil
}

// runBeside runs a command in the lab's namespace and gives its status.
func runBeside(command []string, i lab.Info) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), i.Environ()...)
	status, err := netns.Run(cmd)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		fmt.Fprintf(os.Stderr, "tapestry: %v\n", err)
		return exitStatus(127)
	case err != nil:
		fmt.Fprintf(os.Stderr, "tapestry: %v\n", err)
		return exitStatus(126)
	case status != 0:
		return exitStatus(status)
	}
	return nil
}

func labFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"toml"}, cobra.ShellCompDirectiveFilterFileExt
}
