package lab

import (
	"fmt"
	"io"
	"strings"

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
	}
	return &tap.Accept{Types: types, LLC: true} // LLC: IP in SNAP (RFC 1042)
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
	i.Queues = len(w.device.Queues())
	_, i.Notes = w.plan.notes()
	if d, ok := w.base.(asked); ok {
		i.Mode = d.Mode().String()
	}
	if d, ok := w.base.(helped); ok {
		h := d.Help()
		i.Filter = aidInfo(h.Filter)
		if i.Queues > 1 {
			i.Steering = aidInfo(h.Steering)
		}
	}
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
		if x.Queues == 1 && x.Filter == nil && x.Mode == "" {
			continue
		}
		row := fmt.Sprintf("%s\t%d\t%s\t%s", x.Name, x.Queues, x.Steering, x.Filter)
		if xdp != "" {
			row += "\t" + orDash(x.Mode)
		}
		rows, reasons = append(rows, row), append(reasons, x.reasons()...)
	}
	if rows != nil {
		fmt.Fprintln(w, "\nWIRE\tQUEUES\tSTEERING\tFILTER"+xdp)
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

// queueStats are counters of each queue of the device, if it has several.
func (w *openWire) queueStats() (all []stack.Stat) {
	if d, ok := w.base.(asked); ok {
		return w.xdpStats(d)
	}
	d, ok := w.base.(helped)
	if !ok || len(w.device.Queues()) < 2 {
		return nil
	}
	for i, s := range d.QueueStats() {
		name := fmt.Sprintf("%s.queue%d.", w.plan.Name, i)
		all = append(all, stack.Stat{Name: name + "rxFrames", Value: s.RxFrames}, stack.Stat{Name: name + "rxOctets", Value: s.RxBytes},
			stack.Stat{Name: name + "txFrames", Value: s.TxFrames}, stack.Stat{Name: name + "txOctets", Value: s.TxBytes})
	}
	return all
}
