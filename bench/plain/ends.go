package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"tapestry/bench/internal/machine"
	"tapestry/link"
)

// report is what an end says after a run, one line of JSON.
type report struct {
	result
	CPU    time.Duration `json:"cpu"`    // that this process used: since its start (far) or for the run (near)
	Device *link.Stats   `json:"device"` // the far end's, since its start; nil if it is the kernel's
}

// near runs one client: role-near <work> <address> <duration>.
func near(args []string) error {
	w, err := workNamed(args[0])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	c, err := net.DialTimeout(w.network, net.JoinHostPort(args[1], w.port), 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	before := machine.ProcessTime()
	r, err := w.client(c, d)
	if err != nil {
		return fmt.Errorf("%s %s: %w", w.name, args[1], err)
	}
	return json.NewEncoder(os.Stdout).Encode(report{result: r, CPU: machine.ProcessTime() - before})
}

// far serves a path until standard input ends: role-far <path>. It reports once when it is ready and then for each line
// that it reads.
func far(args []string) error {
	p, err := pathNamed(args[0])
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	in.Scan() // the first line: the namespace is furnished
	e, err := p.open(p)
	if err != nil {
		return err
	}
	if err := serve(e.sockets, p); err != nil {
		return err
	}
	for out := json.NewEncoder(os.Stdout); ; {
		if err := out.Encode(e.report()); err != nil {
			return err
		}
		if !in.Scan() {
			return in.Err()
		}
	}
}

func (e endpoint) report() report {
	r := report{CPU: machine.ProcessTime()}
	if e.stats != nil {
		s := e.stats()
		r.Device = &s
	}
	return r
}
