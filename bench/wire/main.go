package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"tapestry/bench/internal/netns"
)

// options are the flags of a run.
type options struct {
	rounds    int
	scenarios string
	commit    string
	json      string
	text      string
}

func main() {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			exit(role(os.Args[2:]))
		}
	}
	parse(flag.NewFlagSet("wire", flag.ExitOnError), os.Args[1:]) // a mistake is best told before anything starts
	exit(netns.Run("role-inside", os.Args[1:]))
}

// inside measures: role-inside <the namespace outside> <flags>.
func inside(args []string) error {
	if err := netns.HasLeft(args[0]); err != nil {
		return err
	}
	return run(parse(flag.NewFlagSet("wire", flag.ExitOnError), args[1:]))
}

func parse(f *flag.FlagSet, args []string) (o options) {
	f.IntVar(&o.rounds, "rounds", 3, "runs of each pair in each scenario; the median counts")
	f.StringVar(&o.scenarios, "scenarios", strings.Join(scenarioNames(), ","), "what to measure")
	f.StringVar(&o.commit, "commit", "unknown", "commit to write into the results")
	f.StringVar(&o.json, "json", "", "file for the results as JSON; - is standard output")
	f.StringVar(&o.text, "text", "", "file for the table and the runs as go benchmark lines, for benchstat")
	f.Parse(args)
	return o
}

// roles are the modes in which this program starts itself: by the first argument.
var roles = map[string]func(args []string) error{"role-inside": inside}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(o options) error {
	samples, err := measure(o)
	if err != nil {
		return err
	}
	return write(o, samples)
}
