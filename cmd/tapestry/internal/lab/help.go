package lab

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/tap"
	"tapestry/stack"
)

// accept is what the host that is straight on the wire has a use for; nil: everything. To add a protocol to hosts: its
// type here.
func (w *Wire) accept() *tap.Accept {
	if !w.Filter || w.host == nil {
		return nil
	}
	types := []ethernet.EtherType{ethernet.TypeIPv4, ethernet.TypeARP}
	for _, i := range w.host.Interfaces {
		if i.Wire == w && !i.Config.NoIPv6 {
			types = append(types, ethernet.TypeIPv6)
		}
		if i.Wire == w && i.hasIPXType() {
			types = append(types, ethernet.TypeIPX)
		}
	}
	return &tap.Accept{Types: types, LLC: true} // LLC: IP in SNAP (RFC 1042), IPX
}

// hasIPXType reports whether IPX may come in frames with a type.
func (i *Interface) hasIPXType() bool {
	return slices.ContainsFunc(i.IPX, func(p IPXPlan) bool { return p.Frame == "ethernet-ii" || p.Frame == autoFrame })
}

// isShared reports whether the kernel has the same interface with the same Ethernet address.
func (w *Wire) isShared() bool { return w != nil && w.XDP != nil && w.XDP.Shared }

// AidInfo says who does something for a device: the kernel by a program of ours, by what it has built in, or nobody.
type AidInfo struct {
	By  string `json:"by"`
	Why string `json:"why,omitempty"` // why it is no program
}

func aidInfo(a tap.Aid) *AidInfo {
	i := &AidInfo{By: a.By.String()}
	if a.Err != nil {
		i.Why = strings.ReplaceAll(a.Err.Error(), "\n", "; ")
	}
	return i
}

// helped is a device that the kernel does more for than to move frames.
type helped interface {
	Help() tap.Help
	QueueStats() []link.Stats
}

// addHelp says how the device runs.
func (i *WireInfo) addHelp(w *openWire) {
	i.Queues, i.Stats = len(w.device.Queues()), w.stats()
	_, i.Notes = w.plan.notes()
	if d, ok := w.base.(asked); ok {
		i.Mode = d.Mode().String()
		i.Notes = append(i.Notes, w.plan.responderOff(d.Mode())...)
	}
	if _, ok := w.base.(spinning); ok {
		i.Spin = spinText(w.plan.Spin)
	}
	if d, ok := w.base.(helped); ok {
		h := d.Help()
		i.Filter = aidInfo(h.Filter)
		if i.Queues > 1 {
			i.Steering = aidInfo(h.Steering)
		}
	} else if w.plan.queues() > 1 {
		i.Notes = append(i.Notes, "several queues, and steering, need a TAP: this device has one queue")
	}
}

// spinning is a device whose readers may go on trying before they wait.
type spinning interface {
	SpinStats() (spins, hits uint64)
}

// defaultSpin is the devices' own.
const defaultSpin = 50 * time.Microsecond

func spinText(d time.Duration) string {
	switch {
	case d < 0:
		return "off"
	case d == 0:
		d = defaultSpin
	}
	return "up to " + d.String()
}

// writeHelp shows how the devices run, and why no better.
func (i Info) writeHelp(w io.Writer) {
	var rows, reasons []string
	xdp := ""
	for _, x := range i.Wires {
		if x.Mode != "" {
			xdp = "\tAF_XDP"
		}
	}
	for _, x := range i.Wires {
		if x.Queues == 1 && x.Filter == nil && x.Mode == "" && x.Spin == "" {
			continue
		}
		row := fmt.Sprintf("%s\t%d\t%s\t%s\t%s", x.Name, x.Queues, x.Steering, x.Filter, orDash(x.Spin))
		if xdp != "" {
			row += "\t" + orDash(x.Mode)
		}
		rows, reasons = append(rows, row), append(reasons, x.reasons()...)
	}
	if rows != nil {
		fmt.Fprintln(w, "\nWIRE\tQUEUES\tSTEERING\tFILTER\tSPINNING"+xdp)
	}
	for _, line := range append(rows, reasons...) {
		fmt.Fprintln(w, line)
	}
}

// reasons say why the kernel does no more, and what its user has to see to.
func (x WireInfo) reasons() (lines []string) {
	if x.Steering != nil && x.Steering.Why != "" {
		lines = append(lines, fmt.Sprintf("%s: steering is %s: %s", x.Name, x.Steering, x.Steering.Why))
	}
	if x.Filter != nil && x.Filter.Why != "" {
		lines = append(lines, fmt.Sprintf("%s: filter is %s: %s", x.Name, x.Filter, x.Filter.Why))
	}
	for _, n := range x.Notes {
		lines = append(lines, x.Name+": "+n)
	}
	return lines
}

// String gives who does it.
func (a *AidInfo) String() string {
	if a == nil {
		return "-"
	}
	return a.By
}

// warnOfHelp logs what the file asks for by name and the kernel does not do.
func (l *Lab) warnOfHelp(w *openWire) {
	wrong, _ := w.plan.notes()
	for _, s := range wrong {
		l.log.Warn(s, "wire", w.plan.Name)
	}
	d, ok := w.base.(helped)
	if !ok {
		return
	}
	h := d.Help()
	if h.Steering.Err != nil {
		l.log.Warn("no steering program: the kernel chooses the queue of a flow", "wire", w.plan.Name, "reason", h.Steering.Err)
	}
	if h.Filter.Err != nil {
		l.log.Info("no filter program", "wire", w.plan.Name, "instead", h.Filter.By, "reason", h.Filter.Err)
	}
}

// stats are counters of the device beyond its host's: of each queue if it has several, and of spinning.
func (w *openWire) stats() (all []stack.Stat) {
	add := func(name string, v uint64) { all = append(all, stack.Stat{Name: w.plan.Name + "." + name, Value: v}) }
	if d, ok := w.base.(spinning); ok {
		spins, hits := d.SpinStats()
		add("spins", spins)
		add("spinHits", hits)
	}
	switch d := w.base.(type) {
	case helped:
		for i, s := range d.QueueStats() {
			if len(w.device.Queues()) < 2 {
				break // the interface's own counters say the same
			}
			queue := fmt.Sprintf("queue%d.", i)
			add(queue+"rxFrames", s.RxFrames)
			add(queue+"rxOctets", s.RxBytes)
			add(queue+"txFrames", s.TxFrames)
			add(queue+"txOctets", s.TxBytes)
		}
	case asked:
		for i, s := range d.QueueStats() {
			queue := fmt.Sprintf("queue%d.", i)
			add(queue+"rxFrames", s.RxFrames)
			add(queue+"txFrames", s.TxFrames)
			add(queue+"kicks", s.Kicks)
			add(queue+"drop.ringfull", s.RingFull)
			add(queue+"drop.invalid", s.Invalid)
			add(queue+"fillempty", s.FillEmpty)
		}
		r := d.ResponderStats()
		add("responder.arp", r.ARP)
		add("responder.echo4", r.Echo4)
		add("responder.echo6", r.Echo6)
		add("responder.solicit", r.Solicit)
	}
	return all
}
