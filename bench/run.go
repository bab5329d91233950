//go:build linux

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"tapestry/bench/internal/netns"
	"tapestry/bench/report"
)

// message is what the process inside tells, a line of JSON.
type message struct {
	Progress *Progress      `json:"progress,omitempty"`
	Report   *report.Report `json:"report,omitempty"`
	Error    string         `json:"error,omitempty"`
}

// Run measures in network namespaces of its own, which end with the context or with Run. What could not be measured is
// among the report's Skipped; an error means that there is no report.
func Run(ctx context.Context, o Options) (*report.Report, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	own, err := netns.Name()
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	runtime.LockOSThread() // the process inside ends with this thread
	defer runtime.UnlockOSThread()
	r, err := runInside(ctx, o, own)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("bench: %w", err)
	}
	return r, nil
}

// check fills in and checks the options, before anything starts.
func (o *Options) check() error {
	o.fill()
	if o.Rounds < 1 || o.Rounds > 1000 || o.Duration < time.Millisecond || o.Duration > time.Hour {
		return fmt.Errorf("%d rounds of %v: want 1 to 1000, of 1ms to 1h", o.Rounds, o.Duration)
	}
	_, err := o.plan()
	return err
}

func runInside(ctx context.Context, o Options, own string) (*report.Report, error) {
	cmd := netns.Command(roleArg, "inside", own)
	cmd.SysProcAttr.Setpgid = true // a terminal's Ctrl-C is for this process, which then ends that one
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("a network namespace: %w (it takes root, or a user who may make user namespaces)", err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return nil, err
	}
	return listen(json.NewDecoder(out), o.Progress)
}

// listen passes progress on until there is a report or an error.
func listen(d *json.Decoder, progress func(Progress)) (*report.Report, error) {
	for {
		var m message
		err := d.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the measuring process ended without a report")
		case err != nil:
			return nil, err
		case m.Error != "":
			return nil, errors.New(m.Error)
		case m.Report != nil:
			return m.Report, nil
		case m.Progress != nil && progress != nil:
			progress(*m.Progress)
		}
	}
}

// playInside measures, in a namespace other than outer, as the options on standard input say.
func playInside(outer string) error {
	if err := netns.HasLeft(outer); err != nil {
		return err
	}
	var o Options
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	o.Progress = func(p Progress) { out.Encode(message{Progress: &p}) }
	r, err := measure(o)
	if err != nil {
		return out.Encode(message{Error: err.Error()})
	}
	return out.Encode(message{Report: r})
}
