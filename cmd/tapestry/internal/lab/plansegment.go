package lab

import (
	"hash/fnv"
	"time"

	"tapestry/link/impair"
	"tapestry/link/segment"
)

// SegmentPlan is a segment to be made.
type SegmentPlan struct {
	Name             string
	Kind             string // switch or hub
	MTU              int
	Age              time.Duration // zero: the segment's default, as below
	MaxAddresses     int
	MaxPortAddresses int
	Tree             *segment.TreeConfig // nil: no spanning tree
	VLANs            bool                // some port has one
	Jabber           segment.Jabber      // of every port
	Impair           impair.Config       // of every port that has none of its own, on the way into the segment
	Capture          CapturePlan
	Ports            []*Port
}

// Port is a place on a segment.
type Port struct {
	Name    string // unique on the segment
	Kind    string // host, tap, trunk, vxlan, ipxtunnel, qemu, unixgram, replay
	Segment *SegmentPlan
	VLAN    segment.VLAN
	Tx, Rx  Impairment
	Queue   int // frames; 0: the default
	Cost    int // of the spanning tree; 0: the default
	Down    bool
}

// Impairment is what frames suffer in one direction of a port: tx is from the station, rx is to it.
type Impairment struct {
	impair.Config
	Own bool // not the segment's
}

// TrunkPlan is a cable between two segments.
type TrunkPlan struct {
	Name string
	Ends [2]*Port
}

// JointPlan is a device that joins others to a segment: a tunnel, a virtual machine, a process, a capture.
type JointPlan struct {
	Name     string
	At       *Port
	Lines    []string // for people
	VXLAN    *VXLANPlan
	Tunnel   *TunnelPlan
	QEMU     *QEMUPlan
	Unixgram *UnixgramPlan
	Replay   *ReplayPlan
}

// seedOf derives a seed from names, so that a lab without one has the same losses each time.
func seedOf(names ...string) int64 {
	h := fnv.New64a()
	for _, n := range names {
		h.Write([]byte(n))
		h.Write([]byte{0})
	}
	return int64(h.Sum64() >> 1)
}
