// Plain measures the plain path: one host of ours on a TAP, offload on and off, and on AF_PACKET over veth, against the
// kernel over veth and stock gVisor on a TAP, interleaved in one run. It runs in network namespaces of its own.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"tapestry/bench/internal/netns"
)

// options are the flags of a whole run.
type options struct {
	rounds   int
	duration time.Duration
	paths    string
	works    string
	place    string
	commit   string
	json     string
	bench    string
}

func main() {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			exit(role(os.Args[2:]))
		}
	}
	parse(flag.NewFlagSet("plain", flag.ExitOnError), os.Args[1:]) // a mistake is best told before anything starts
	exit(netns.Run("role-inside", os.Args[1:]))
}

// inside measures: role-inside <the namespace outside> <flags>.
func inside(args []string) error {
	if err := netns.HasLeft(args[0]); err != nil {
		return err
	}
	return measure(parse(flag.NewFlagSet("plain", flag.ExitOnError), args[1:]))
}

func parse(f *flag.FlagSet, args []string) (o options) {
	f.IntVar(&o.rounds, "rounds", 3, "runs of each measurement; the median counts")
	f.DurationVar(&o.duration, "for", 2*time.Second, "length of one run")
	f.StringVar(&o.paths, "paths", strings.Join(pathNames(), ","), "paths to measure")
	f.StringVar(&o.works, "works", strings.Join(workNames(), ","), "what to measure on each path")
	f.StringVar(&o.place, "place", "free", "free: both ends on all cores; split: near end on the first core, far end on the others; same: both on the first")
	f.StringVar(&o.commit, "commit", "unknown", "commit to write into the results")
	f.StringVar(&o.json, "json", "", "file for the results as JSON; - is standard output")
	f.StringVar(&o.bench, "bench", "", "file for the runs as go benchmark lines, for benchstat")
	f.Parse(args)
	return o
}

// roles are the modes in which this program starts itself: by the first argument.
var roles = map[string]func(args []string) error{
	"role-inside": inside,
	"role-near":   near,
	"role-far":    far,
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "plain:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
