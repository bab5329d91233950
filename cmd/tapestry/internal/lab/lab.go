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
	"tapestry/link/ethernet"
	"tapestry/stack"
)

// Config is what a lab is started with.
type Config struct {
	Log    *slog.Logger // default: discarded
	CAFile string       // where the authority's certificate goes; default: it is not written
	open   opener       // default: the kernel's devices
	trial  bool         // no file is written and nothing outside of the process is touched
}

// Lab is a running lab.
type Lab struct {
	Plan    *Plan
	hosts   []*host
	wires   []*openWire
	buses   map[*SegmentPlan]*bus
	tunnels []*openTunnel
	names   map[string][]netip.Addr // as hosts look them up; one for all of them
	log     *slog.Logger
	ca      *authority
	state   *apps.StateDB
	undo    []func() error // what Close does, the last first
	stop    context.CancelFunc
	apps    sync.WaitGroup
	since   time.Time
	gone    chan error // holds the first device's error
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
	plan   *Interface
	device *monitor
	wire   *openWire // nil: on a segment
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
	l.names = l.Plan.qualifiedNames()
	if err := l.startSegments(ctx, c.trial); err != nil {
		return err
	}
	if err := l.join(c); err != nil {
		return err
	}
	for _, hp := range l.Plan.Hosts {
		if err := l.startHost(hp, c.open); err != nil {
			return err
		}
	}
	if err := l.startApps(ctx); err != nil {
		return err
	}
	return l.startReplays(ctx, c.trial)
}

// join puts on the segments whatever is no host.
func (l *Lab) join(c Config) error {
	for _, t := range l.Plan.Trunks {
		if err := l.connectTrunk(t); err != nil {
			return err
		}
	}
	for _, w := range l.Plan.Wires {
		if w.At == nil {
			continue
		}
		o, err := l.open(w, ethernet.Addr{}, c.open)
		if err != nil {
			return err
		}
		if err := l.bridge(w.At, o.device.station()); err != nil {
			return err
		}
	}
	if c.trial {
		return nil
	}
	for _, j := range l.Plan.Joints {
		if err := l.joint(j); err != nil {
			return err
		}
	}
	return nil
}

// startHost makes a host and connects it. Close undoes it, also after an error.
func (l *Lab) startHost(p *HostPlan, open opener) error {
	s, err := stack.New(stack.Config{Name: p.Name, Names: l.names, DNS: p.DNS, TCP: p.TCP, IPX: p.IPX.config(), SPX: p.SPX, Log: l.log})
	if err != nil {
		return err
	}
	h := &host{Host: s, plan: p, lab: l}
	l.hosts = append(l.hosts, h)
	l.undo = append(l.undo, s.Close)
	for i := range p.Interfaces {
		if err := l.connect(h, &p.Interfaces[i], open); err != nil {
			return err
		}
	}
	return h.addTables()
}

func (l *Lab) connect(h *host, p *Interface, open opener) error {
	var m *monitor
	var w *openWire
	if p.At != nil {
		dev, err := l.station(p.At, p.Config.Addr)
		if err != nil {
			return err
		}
		m = l.watch(dev, "interface "+p.Config.Name+" of "+h.plan.Name)
	} else {
		var err error
		if w, err = l.open(p.Wire, p.Config.Addr, open); err != nil {
			return err
		}
		m = w.device
	}
	i, err := h.AddInterface(m.station(), p.Config)
	if err != nil {
		return err
	}
	h.ports = append(h.ports, &port{plan: p, device: m, wire: w, name: p.Config.Name})
	return h.addIPX(i, p)
}

// open opens a wire for a station with that address; none where a segment is behind it.
func (l *Lab) open(w *Wire, addr ethernet.Addr, open opener) (*openWire, error) {
	base, chosen, undo, err := open(w, addr)
	if undo != nil {
		l.undo = slices.Insert(l.undo, 0, undo) // after hosts and segments, for which a wire that goes first is a failure
	}
	if err != nil {
		return nil, fmt.Errorf("lab: wire %s: %w", w.Name, err)
	}
	dev, err := withCapture(base, w, l.log)
	if err != nil {
		return nil, fmt.Errorf("lab: wire %s: %w", w.Name, err)
	}
	o := &openWire{w, base, l.watch(dev, "wire "+w.Name), chosen}
	l.wires = append(l.wires, o)
	l.warnOfHelp(o)
	return o, nil
}

// watch has the lab told when a device ends by itself.
func (l *Lab) watch(dev link.Device, what string) *monitor {
	return newMonitor(dev, func(err error) { l.lose(fmt.Errorf("lab: %s is gone: %w", what, err)) })
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
	l, err := Start(&trial, Config{open: openPipe, trial: true})
	if err != nil {
		return err
	}
	return l.Close()
}

var _ link.Device = (*monitor)(nil)
