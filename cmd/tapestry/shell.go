package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"tapestry/cmd/tapestry/internal/lab"
)

func shellCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "shell [-- command [argument…]]",
		Short: "Open a shell on the kernel's side of a running lab's wire",
		Long: `Opens a shell, or runs a command, in the network namespace of a running lab: ping, curl and dig reach its hosts from
there. It has the environment that a command of run has. The namespace lasts until the last shell in it has ended.`,
		Example: "  tapestry shell\n  tapestry shell -- tcpdump -ni tap0",
		RunE: func(c *cobra.Command, args []string) error {
			i, err := ask[lab.Info](c.Context(), &t, "info", nil)
			if err != nil {
				return err
			}
			return enter(i, args)
		},
	}
	t.addTo(c)
	return c
}

// enter becomes nsenter: a Go process has threads, and a user namespace is entered by a process of one.
func enter(i lab.Info, command []string) error {
	if len(command) == 0 {
		command = []string{shell()}
	}
	env := append(os.Environ(), i.Environ()...)
	argv := command
	if i.Own {
		argv = append(nsenterArgs(i), command...)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return fmt.Errorf("%w; nsenter is in the package util-linux", err)
	}
	return fmt.Errorf("%s: %w", path, unix.Exec(path, argv, env))
}

func nsenterArgs(i lab.Info) []string {
	argv := []string{"nsenter", "--target", strconv.Itoa(i.PID), "--net"}
	if i.User {
		argv = append(argv, "--user", "--preserve-credentials")
	}
	return append(argv, "--")
}

func shell() string {
	if s := os.Getenv("SHELL"); s != "" {
		return s
	}
	return "/bin/sh"
}
