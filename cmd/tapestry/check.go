package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/lab"
)

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check lab.toml",
		Short: "Say what is wrong with a lab's file",
		Long: `Reads a lab's file, makes its hosts and apps in memory, and says everything that is wrong with it: key, line and remedy.
Nothing is started and no device is opened. The status is 0 if run would start it, else 1.`,
		Example:           "  tapestry check lab.toml",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: labFiles,
		RunE: func(c *cobra.Command, args []string) error {
			plan, err := lab.LoadFile(args[0], all.Apps)
			if err == nil {
				err = lab.Check(plan)
			}
			var problems lab.Problems
			if errors.As(err, &problems) {
				fmt.Fprintln(c.ErrOrStderr(), problems)
				return exitStatus(1)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: lab %s is fine\n", args[0], plan.Name)
			return nil
		},
	}
}
