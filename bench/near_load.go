//go:build linux

package bench

import (
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"tapestry/bench/report"
)

// tripsUnderLoad makes round trips beside a connection that writes as fast as it can. What counts are the trips and
// their percentiles; what the load moved is told with them.
func tripsUnderLoad(c *call) (result, error) {
	to, err := c.other("sink")
	if err != nil {
		return result{}, err
	}
	load := *c
	load.to, load.streams = to, 1
	load.duration += c.duration / 10 // it starts before the trips and ends after them
	type outcome struct {
		result
		err error
	}
	loaded := make(chan outcome, 1)
	go func() {
		runtime.LockOSThread()
		r, err := bulkTo(&load)
		loaded <- outcome{r, err}
	}()
	time.Sleep(c.duration / 20)
	r, err := roundTrips(c)
	l := <-loaded
	if err == nil {
		err = l.err
	}
	r.Proof = append(r.Proof, report.Counter{Name: "load", Value: fmt.Sprintf("%.1f Gbit/s", gbits.value(l.result))})
	return r, err
}

// other gives the address of another service of the same far end.
func (c *call) other(service string) (string, error) {
	a, err := netip.ParseAddrPort(c.to)
	if err != nil {
		return "", err
	}
	v := serviceNamed(service)
	if v == nil {
		return "", fmt.Errorf("no service %q", service)
	}
	return netip.AddrPortFrom(a.Addr(), v.port).String(), nil
}
