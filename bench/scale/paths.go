package main

import (
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/link/segment"
)

// path is a way between two ends.
type path struct {
	name  string
	quiet int // ports of the switch that nobody uses
	open  func(quiet int) (a, b link.Device, done func(), err error)
}

// paths are what is compared; the first is what the others are a ratio to.
var paths = []path{
	{"pipe", 0, openPipe},
	{"switch_2", 0, openSwitch},
	{"switch_100", 98, openSwitch},
	{"switch_1000", 998, openSwitch},
}

// The addresses of both ends.
var (
	near = ethernet.Addr{0x02, 0, 0, 0, 0, 1}
	far  = ethernet.Addr{0x02, 0, 0, 0, 0, 2}
)

func openPipe(int) (a, b link.Device, done func(), err error) {
	x, y := pipe.New(pipe.Config{Offload: pipe.AllOffloads, Addrs: [2]ethernet.Addr{near, far}})
	return x, y, func() { x.Close(); y.Close() }, nil
}

func openSwitch(quiet int) (a, b link.Device, done func(), err error) {
	s, err := segment.New(segment.Config{Name: "lan"})
	if err != nil {
		return nil, nil, nil, err
	}
	done = func() { s.Close() }
	var ends [2]link.Device
	for i, addr := range []ethernet.Addr{near, far} {
		if ends[i], err = s.NewDevice(segment.PortConfig{Addr: addr, Offload: segment.AllOffloads}); err != nil {
			done()
			return nil, nil, nil, err
		}
	}
	for range quiet {
		if _, err := s.NewDevice(segment.PortConfig{Offload: segment.AllOffloads}); err != nil {
			done()
			return nil, nil, nil, err
		}
	}
	return ends[0], ends[1], done, nil
}
