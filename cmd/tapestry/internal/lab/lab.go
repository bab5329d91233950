package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tapestry/apps"
	"tapestry/link"
	"tapestry/stack"
)

// Config is what a lab is started with.
type Config struct {
	Log    *slog.Logger // default: discarded
	CAFile string       // where the authority's certificate goes; default: it is not written
	open   opener       // default: the kernel's devices
}

// Lab is a running lab.
type Lab struct {
	Plan  *Plan
	hosts []*host
	log   *slog.Logger
	ca    *authority
	state *apps.StateDB
	undo  []func() error // what Close does, the last first
	stop  context.CancelFunc
	apps  sync.WaitGroup
	since time.Time
	gone  chan error // holds the first device's error
}

// host is a host of ours with its apps.
type host struct {
	*stack.Host
	plan     *HostPlan
	lab      *Lab
	counters apps.CounterSet
	ports    []*port
	apps     []*app
}

// port is a host's interface and the device behind it.
type port struct {
	wire   *Wire
	device *monitor
	chosen chosen
	name   string
}

// Start brings the lab up.
func Start(p *Plan, c Config) (*Lab, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.open == nil {
		c.open = openKernel
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lab{Plan: p, log: c.Log, stop: cancel, since: time.Now(), gone: make(chan error, 1)}
	if err := l.start(ctx, c); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, c Config) error {
	var err error
	if l.ca, err = newAuthority(l.Plan.Name, c.CAFile); err != nil {
		return err
	}
	if l.Plan.State != "" {
		l.state = apps.NewStateDB(filepath.Join(l.Plan.State, "state.db"))
		l.undo = append(l.undo, l.state.Close)
	}
	for _, hp := range l.Plan.Hosts {
		if err := l.startHost(hp, c.open); err != nil {
			return err
		}
	}
	return l.startApps(ctx)
}

// startHost makes a host and connects it. Close undoes it, also after an error.
func (l *Lab) startHost(p *HostPlan, open opener) error {
	s, err := stack.New(stack.Config{Name: p.Name, Names: l.qualifiedNames(), DNS: p.DNS, TCP: p.TCP, Log: l.log})
	if err != nil {
		return err
	}
	h := &host{Host: s, plan: p, lab: l}
	l.hosts = append(l.hosts, h)
	l.undo = append(l.undo, s.Close)
	for i := range p.Ports {
		if err := l.connect(h, &p.Ports[i], open); err != nil {
			return err
		}
	}
	return nil
}

// qualifiedNames are the lab's names as hosts look them up: with and without the domain.
func (l *Lab) qualifiedNames() map[string][]netip.Addr {
	m := l.Plan.names()
	for name, addrs := range l.Plan.names() {
		m[name+"."+l.Plan.Domain] = addrs
	}
	return m
}

func (l *Lab) connect(h *host, p *Port, open opener) error {
	dev, chosen, undo, err := open(p.Wire, p.Config.Addr)
	if undo != nil {
		l.undo = slices.Insert(l.undo, 0, undo) // after the hosts, for which a wire that goes first is a failure
	}
	if err != nil {
		return fmt.Errorf("lab: wire %s: %w", p.Wire.Name, err)
	}
	if dev, err = withCapture(dev, p.Wire, l.log); err != nil {
		return fmt.Errorf("lab: wire %s: %w", p.Wire.Name, err)
	}
	m := newMonitor(dev, func(err error) { l.lose(fmt.Errorf("lab: wire %s is gone: %w", p.Wire.Name, err)) })
	if _, err := h.AddInterface(m, p.Config); err != nil {
		return err
	}
	h.ports = append(h.ports, &port{wire: p.Wire, device: m, chosen: chosen, name: p.Config.Name})
	return nil
}

// lose reports a device that is gone; the host has logged it.
func (l *Lab) lose(err error) {
	select {
	case l.gone <- err:
	default:
	}
}

// Gone gives the error of a device that ended by itself, if one does.
func (l *Lab) Gone() <-chan error { return l.gone }

// Close takes the lab down: nothing of it is left when it returns.
func (l *Lab) Close() error {
	l.stop()
	l.apps.Wait()
	var errs []error
	for len(l.undo) > 0 {
		last := len(l.undo) - 1
		f := l.undo[last]
		l.undo = l.undo[:last]
		errs = append(errs, f())
	}
	if l.ca != nil {
		errs = append(errs, l.ca.remove())
	}
	return errors.Join(errs...)
}

// Check starts the lab on cables in memory and takes it down again. The error is Problems where the file is wrong.
func Check(p *Plan) error {
	trial := *p
	if p.State != "" {
		scratch, err := os.MkdirTemp("", "tapestry-check-")
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		defer os.RemoveAll(scratch)
		trial.State = scratch
	}
	trial.Wires = nil
	l, err := Start(&trial, Config{open: openPipe})
	if err != nil {
		return err
	}
	return l.Close()
}

var _ link.Device = (*monitor)(nil)
