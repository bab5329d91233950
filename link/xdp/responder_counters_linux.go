package xdp

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
)

// newCounters makes what the program counts its answers in.
func newCounters() (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "tapestry_ans", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: counts})
	if err != nil {
		return nil, fmt.Errorf("xdp: map of the responder's counters: %w", err)
	}
	return m, nil
}

// readCounters adds up what the processors counted.
func readCounters(m *ebpf.Map) (s ResponderStats) {
	for i, sum := range []*uint64{countARP: &s.ARP, countEcho4: &s.Echo4, countEcho6: &s.Echo6, countSolicit: &s.Solicit} {
		var each []uint64
		if m.Lookup(uint32(i), &each) != nil {
			continue
		}
		for n := range slices.Values(each) {
			*sum += n
		}
	}
	return s
}
