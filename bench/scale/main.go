package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"tapestry/bench/internal/machine"
)

// options are the flags of a run.
type options struct {
	hosts     int
	pairs     int
	idle      time.Duration
	seed      int64
	v4only    bool
	check     bool
	measure   string
	duration  time.Duration
	rounds    int
	commit    string
	json      string
	bench     string
	cpu, heap string
	limits    limits
}

// limits are what a run must keep; zero is none.
type limits struct {
	mb     float64
	perAdd time.Duration
}

func main() {
	o := parse(flag.NewFlagSet("scale", flag.ExitOnError), os.Args[1:])
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// run measures what was asked for and reports all of it, also what is not as good as it must be.
func run(o options) (err error) {
	r := report{Machine: machine.This(), Commit: o.commit}
	for _, what := range strings.Split(o.measure, ",") {
		switch what {
		case "hosts":
			r.Hosts, err = measureHosts(o)
		case "wire":
			r.Wire, err = measureWire(o)
		default:
			err = fmt.Errorf("-measure %q: want hosts, wire or both with a comma", what)
		}
		if err != nil {
			return err
		}
	}
	if err := r.write(o); err != nil {
		return err
	}
	if o.check && r.Hosts != nil && r.Hosts.Verdict != good {
		return errors.New(r.Hosts.Verdict)
	}
	return nil
}

func parse(f *flag.FlagSet, args []string) (o options) {
	f.IntVar(&o.hosts, "hosts", 1000, "hosts on the switch")
	f.IntVar(&o.pairs, "pairs", 2000, "pairs of hosts that echo, over TCP and UDP each")
	f.DurationVar(&o.idle, "idle", 5*time.Second, "how long the processor's time of quiet hosts is measured")
	f.Int64Var(&o.seed, "seed", 1, "of the choice of pairs")
	f.BoolVar(&o.v4only, "v4only", false, "hosts without IPv6")
	f.BoolVar(&o.check, "check", true, "fail if a limit is passed")
	f.Float64Var(&o.limits.mb, "max-mb", 150, "limit of the process's memory with quiet hosts, in MB of 10^6 octets")
	f.DurationVar(&o.limits.perAdd, "max-add", 500*time.Microsecond, "limit of the median time to add a host, and of the mean processor's time of that")
	f.StringVar(&o.measure, "measure", "hosts", "hosts: what a host costs; wire: what a switch carries; hosts,wire: both")
	f.DurationVar(&o.duration, "for", 2*time.Second, "length of one measurement of throughput")
	f.IntVar(&o.rounds, "rounds", 3, "measurements of throughput; the median counts")
	f.StringVar(&o.commit, "commit", "unknown", "commit to write into the results")
	f.StringVar(&o.json, "json", "", "file for the results as JSON; - is standard output")
	f.StringVar(&o.bench, "bench", "", "file for the results as go benchmark lines, for benchstat")
	f.StringVar(&o.cpu, "cpuprofile", "", "file for a profile of adding the hosts")
	f.StringVar(&o.heap, "heapprofile", "", "file for a profile of the memory of quiet hosts")
	f.Parse(args)
	return o
}

// profile runs f and writes a profile of the processor's time to the file called name, if any.
func profile(name string, f func() error) error {
	if name == "" {
		return f()
	}
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := pprof.StartCPUProfile(w); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}
