package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"
	results "tapestry/bench/report"
)

func compareCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "compare OLD.json NEW.json",
		Short: "Compare the medians of two runs",
		Long: `Sets the rows of two files that bench --json wrote side by side. A ratio above 1 is better, also where less is better. A row
is marked better or worse if every round of one run is better than every round of the other, ~ if their ranges overlap, and
? if one of them has fewer than three rounds. What besides the commit is not the same in both runs is said first.`,
		Example: "  tapestry bench compare old.json new.json",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return compareRuns(c.OutOrStdout(), args[0], args[1], asJSON)
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func compareRuns(w io.Writer, before, after string, asJSON bool) error {
	a, err := results.ReadFile(before)
	if err != nil {
		return err
	}
	b, err := results.ReadFile(after)
	if err != nil {
		return err
	}
	c := results.Compare(a, b)
	if asJSON {
		return c.WriteJSON(w)
	}
	return c.WriteTable(w, tableOptions())
}

// tableOptions are those of a table on standard output: as wide as the terminal and in its colours, if it is one.
func tableOptions() results.TableOptions {
	wide := results.TerminalWidth(os.Stdout)
	return results.TableOptions{Width: wide, Color: wide > 0 && os.Getenv("NO_COLOR") == ""}
}
