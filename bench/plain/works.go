package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// work is one thing to measure: the near end runs the client for a time, the far end has served since it started.
type work struct {
	name, network, port string
	client              func(c net.Conn, d time.Duration) (result, error)
	bulk                bool   // measured in octets, else in round trips
	isFrom              bool   // the data comes from the far end
	inline              bool   // only where the far end can answer on the goroutine that receives
	like                string // the work to compare with on paths that lack this one
}

// result is what one client did.
type result struct {
	Count   uint64        `json:"count"` // octets or round trips
	Elapsed time.Duration `json:"elapsed"`
	Lost    uint64        `json:"lost"` // datagrams that were sent again
}

// works are all there is to measure. "to" and "from" are as the host of ours sees it: to it, from it.
var works = []work{
	{name: "tcp_to", network: "tcp", port: "9", client: bulkTo, bulk: true},
	{name: "tcp_from", network: "tcp", port: "19", client: bulkFrom, bulk: true, isFrom: true},
	{name: "tcp_rr", network: "tcp", port: "7", client: roundTrips},
	{name: "udp_rr", network: "udp", port: "7", client: roundTrips},
	{name: "udp_inline_rr", network: "udp", port: "8", client: roundTrips, inline: true, like: "udp_rr"},
}

func workNames() (names []string) {
	for _, w := range works {
		names = append(names, w.name)
	}
	return names
}

func workNamed(name string) (work, error) {
	for _, w := range works {
		if w.name == name {
			return w, nil
		}
	}
	return work{}, fmt.Errorf("no measurement %q; there are %v", name, workNames())
}

// blockSize is what one call writes or reads in bulk transfers.
const blockSize = 128 << 10

// bulkTo writes for d and then waits for the count of what arrived, so that nothing in flight is counted.
func bulkTo(c net.Conn, d time.Duration) (result, error) {
	block := make([]byte, blockSize)
	start := time.Now()
	for time.Since(start) < d {
		if _, err := c.Write(block); err != nil {
			return result{}, err
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return result{}, err
	}
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	var count [8]byte
	_, err := io.ReadFull(c, count[:])
	return result{Count: binary.BigEndian.Uint64(count[:]), Elapsed: time.Since(start)}, err
}

// bulkFrom reads for d.
func bulkFrom(c net.Conn, d time.Duration) (result, error) {
	block := make([]byte, blockSize)
	start := time.Now()
	c.SetReadDeadline(start.Add(d + 30*time.Second))
	var r result
	for time.Since(start) < d {
		n, err := c.Read(block)
		if err != nil {
			return r, err
		}
		r.Count += uint64(n)
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

// patience is how long an answer may take before its datagram counts as lost.
const patience = 200 * time.Millisecond

// roundTrips sends one octet and waits for it, for d.
func roundTrips(c net.Conn, d time.Duration) (result, error) {
	var r result
	b := []byte{0}
	start := time.Now()
	for ; time.Since(start) < d; b[0]++ {
		if r.Count%256 == 0 { // setting it every time would be a part of what is measured
			c.SetReadDeadline(time.Now().Add(patience))
		}
		if err := roundTrip(c, b); errors.Is(err, os.ErrDeadlineExceeded) && c.RemoteAddr().Network() == "udp" {
			r.Lost++
			c.SetReadDeadline(time.Now().Add(patience))
			continue
		} else if err != nil {
			return r, err
		}
		r.Count++
	}
	r.Elapsed = time.Since(start)
	return r, nil
}

func roundTrip(c net.Conn, b []byte) error {
	if _, err := c.Write(b); err != nil {
		return err
	}
	n, err := c.Read(b)
	if err == nil && n != 1 {
		err = fmt.Errorf("an answer of %d octets, want 1", n)
	}
	return err
}
