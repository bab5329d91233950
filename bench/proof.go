//go:build linux

package bench

import (
	"fmt"
	"strings"
	"time"

	"tapestry/bench/report"
)

// sum is what all measurements of a row counted together.
type sum struct {
	count, lost     uint64
	mallocs         uint64
	nearCPU, farCPU time.Duration
	times           histogram
	procs           span

	frames, octets uint64 // across the near end's interface, in the direction of the data
	gso            uint64 // super-frames that the device counted in that direction
	hasDevice      bool
	queues         []uint64          // frames that came in on each queue
	host           map[string]uint64 // the host's counters
	hasHost        bool
	retrans        uint64 // of the near end's kernel
	hasNear        bool
	mode           string
	client         []report.Counter // of the last measurement
}

func sumUp(of []sample) *sum {
	t := &sum{host: map[string]uint64{}}
	for _, m := range of {
		t.count += m.result.Count
		t.lost += m.result.Lost
		t.nearCPU += m.result.CPU
		t.times.merge(m.result.Times)
		t.client = m.result.Proof
		t.addFar(m.scenario, m.far[0], m.far[1])
		t.addNear(m.scenario, m.near[0], m.near[1])
	}
	return t
}

func (t *sum) addNear(s *scenario, before, after *state) {
	if before == nil || after == nil {
		return
	}
	t.hasNear = true
	a, b := before.To, after.To
	if s.isFrom {
		a, b = before.From, after.From
	}
	t.frames += b.Frames - a.Frames
	t.octets += b.Octets - a.Octets
	t.retrans += after.Retrans - before.Retrans
}

func (t *sum) addFar(s *scenario, before, after *state) {
	t.farCPU += after.CPU - before.CPU
	t.mallocs += after.Mallocs - before.Mallocs
	t.procs.see(before.Procs)
	t.procs.see(after.Procs)
	t.mode = after.Mode
	if after.Device != nil && before.Device != nil {
		t.hasDevice = true
		if s.isFrom {
			t.gso += after.Device.TxGSO - before.Device.TxGSO
		} else {
			t.gso += after.Device.RxGSO - before.Device.RxGSO
		}
	}
	if t.queues == nil {
		t.queues = make([]uint64, len(after.Queues))
	}
	for i := range min(len(before.Queues), len(after.Queues), len(t.queues)) {
		t.queues[i] += after.Queues[i].RxFrames - before.Queues[i].RxFrames
	}
	t.hasHost = t.hasHost || after.Host != nil
	for name, v := range after.Host {
		t.host[name] += v - before.Host[name]
	}
}

// inlineHits are datagrams that were answered where they were received: before the engine (shortcut_hits) or behind it.
func (t *sum) inlineHits() uint64 {
	return t.host["inline.hits"] + t.host["ipx.inline.hits"]
}

// prove is an error if the counts do not show the path that the row claims.
func (t *sum) prove(s *scenario, p *path) error {
	switch {
	case t.count == 0:
		return notProven("nothing arrived")
	case s.unit.bulk && p.offload && !isIPX(s) && t.gso == 0:
		return notProven("%d octets moved without one super-frame", t.count)
	case s.inline && t.hasHost && t.inlineHits() < t.count/2:
		return notProven("%d datagrams, %d answered where they were received", t.count, t.inlineHits())
	case isIPX(s) && p.frames == overIPX && t.hasHost && t.host[ipxIn] < t.leastPackets(s)/2:
		return notProven("%d %s in %d packets of IPX", t.count, s.unit.counts(), t.host[ipxIn])
	case s.streams >= 8 && len(t.queues) > 1 && t.quietQueues() > 0:
		return notProven("%d of %d queues had nothing to do: %v frames", t.quietQueues(), len(t.queues), t.queues)
	}
	return nil
}

// Counters of a host's IPX.
const (
	ipxIn  = "ipxBasicSysInReceives"
	ipxOut = "ipxBasicSysOutPackets"
)

func isIPX(s *scenario) bool {
	network := serviceNamed(s.service).network
	return network == "ipx" || network == "spx"
}

// leastPackets is how many packets of IPX the host must have received.
func (t *sum) leastPackets(s *scenario) uint64 {
	if s.unit.bulk {
		return t.count / ipxPacket
	}
	return t.count
}

// ipxPacket is the largest packet of IPX on a wire of Ethernet.
const ipxPacket = 1500

func (t *sum) quietQueues() (n int) {
	for _, q := range t.queues {
		if q == 0 {
			n++
		}
	}
	return n
}

// proof lists what shows the path.
func (t *sum) proof(s *scenario, p *path) (out []report.Counter) {
	add := func(name string, has bool, format string, v any) {
		if has {
			out = append(out, report.Counter{Name: name, Value: fmt.Sprintf(format, v)})
		}
	}
	add("octets_per_frame", t.hasNear && t.frames > 0, "%.0f", float64(t.octets)/float64(max(t.frames, 1)))
	add("gso_frames", t.hasDevice && s.unit.bulk && !isIPX(s), "%d", t.gso)
	add("queue_hits", len(t.queues) > 1, "%s", strings.Trim(fmt.Sprint(t.queues), "[]"))
	add("inline_hits", s.inline && t.hasHost, "%d", t.inlineHits())
	add("shortcut_hits", s.inline && t.hasHost && !(isIPX(s) && p.frames == overIPX), "%d", t.host["shortcut.in"])
	_, hasIPX := t.host[ipxIn]
	add("ipx_in", hasIPX, "%d", t.host[ipxIn])
	add("ipx_out", hasIPX, "%d", t.host[ipxOut])
	add("spin_hits", t.host[spins] > 0, "%s", fmt.Sprintf("%d of %d", t.host[spinHits], t.host[spins]))
	add("mode", t.mode != "", "%s", t.mode)
	if serviceNamed(s.service).network == "tcp" {
		add("retransmissions", t.hasNear, "%d", t.retrans)
		add("retransmissions_host", t.hasHost, "%d", t.host["tcpRetransSegs"])
	}
	if serviceNamed(s.service).network == "spx" {
		add("retransmissions_host", t.hasHost, "%d", t.host["spx.retransmits"])
	}
	add("lost", t.lost > 0, "%d", t.lost)
	return append(out, t.client...)
}
