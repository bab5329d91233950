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
	var reasons []string
	any := false
	for _, x := range i.Wires {
		if x.Queues == 1 && x.Steering == nil && x.Filter == nil {
			continue
		}
		if !any {
			fmt.Fprintln(w, "\nWIRE\tQUEUES\tSTEERING\tFILTER")
			any = true
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", x.Name, x.Queues, x.Steering, x.Filter)
		for _, a := range []struct {
			what string
			*AidInfo
		}{{"steering", x.Steering}, {"filter", x.Filter}} {
			if a.AidInfo != nil && a.Why != "" {
				reasons = append(reasons, fmt.Sprintf("%s: %s is %s: %s", x.Name, a.what, a.By, a.Why))
			}
		}
	}
	for _, r := range reasons {
		fmt.Fprintln(w, r)
	}
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
