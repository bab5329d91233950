package lab

import (
	"runtime"
	"time"
)

// autoQueues stands for one queue for each processor.
const autoQueues = -1

// Limits of queues and processors.
const (
	maxQueues     = 256 // the kernel's MAX_TAP_QUEUES
	maxAutoQueues = 8   // of one wire: a host has no use for more
	maxProcs      = 1024
)

// queues is how many queues the wire has on this machine.
func (w *Wire) queues() int {
	if w.Queues == autoQueues {
		return min(runtime.NumCPU(), maxAutoQueues)
	}
	return w.Queues
}

// numberOrAuto reads a number or "auto", which is given back as auto.
func (c *checker) numberOrAuto(path string, v any, most, auto int, what string) int {
	switch v := v.(type) {
	case string:
		if v == "auto" {
			return auto
		}
	case int64:
		if v >= 1 && v <= int64(most) {
			return int(v)
		}
	}
	c.bad(path, `%v is neither "auto" nor a number of %s from 1 to %d`, v, what, most)
	return 1
}

func (c *checker) procs(path string, v any) int {
	if v == nil {
		return 0
	}
	return c.numberOrAuto(path, v, maxProcs, 0, "processors")
}

// queues reads the keys of several queues.
func (c *checker) queues(path string, w *Wire, t fileTap) {
	w.Queues = 1
	if t.Queues != nil {
		w.Queues = c.numberOrAuto(path+".queues", t.Queues, maxQueues, autoQueues, "queues")
	}
	switch several := w.Queues != 1; {
	case several && w.Kind != "auto" && w.Kind != "tap":
		c.bad(path+".queues", `a %s device has one queue; set device = "tap", or remove this key`, w.Kind)
	case !several && t.Steering != nil:
		c.bad(path+".steering", "is a choice among several queues; add queues = 2, or remove this key")
	}
	w.NoSteer = t.Steering != nil && !*t.Steering
}

// spin reads how long a reader goes on trying before it waits.
func (c *checker) spin(path string, w *Wire, s string) {
	if s != "" && w.Kind == "water" {
		c.bad(path, `a water device does not; set device = "tap", or remove this key`)
	}
	w.Spin = c.duration(path, s)
	if w.Spin > maxSpin {
		c.bad(path, `%v is longer than %v; the usual ones are some 10 µs, like "50us"`, w.Spin, maxSpin)
	}
}

// maxSpin is the longest that a reader may keep a processor to itself.
const maxSpin = 10 * time.Millisecond

// filter is on where one station alone is behind the device, unless all that crosses is to be captured.
func (c *checker) filter(path string, w *Wire, t fileTap) {
	isTap, isAsked := w.Kind == "auto" || w.Kind == "tap", t.Filter != nil && *t.Filter
	switch {
	case isAsked && t.Segment != "":
		c.bad(path+".filter", "keeps back what is not for one host, and behind %s are all stations of segment %s; remove this key", w.Name, t.Segment)
	case isAsked && !isTap:
		c.bad(path+".filter", `a %s device has no filter; set device = "tap", or remove this key`, w.Kind)
	case t.Filter != nil:
		w.Filter = isAsked
	default:
		w.Filter = isTap && t.Segment == "" && w.Capture.File == ""
	}
}
