//go:build linux

package bench

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// holdPorts are how many ports hold connections: one address has not enough ports for 100,000 connections to one.
const holdPorts = 4

// census is what a far end says about the connections that it holds.
type census struct {
	Held       int    `json:"held"`
	Live       uint64 `json:"live"`  // octets of the heap after a collection
	Stacks     uint64 `json:"stack"` // octets of goroutine stacks in use
	Resident   uint64 `json:"resident"`
	Goroutines int    `json:"goroutines"`
}

// holder has connections and does nothing with them: no goroutine each, no buffer.
type holder struct {
	mu    sync.Mutex
	conns []net.Conn
}

// serveHold accepts connections on the ports after its own, where it answers for all of them: an octet 'c' asks for a
// census, 'x' to close them all first.
func serveHold(_ *far, s sockets, at netip.AddrPort) error {
	var h holder
	for i := range uint16(holdPorts) {
		l, err := s.Listen("tcp", netip.AddrPortFrom(at.Addr(), at.Port()+1+i).String())
		if err != nil {
			return err
		}
		go h.hold(l)
	}
	l, err := s.Listen("tcp", at.String())
	if err != nil {
		return err
	}
	go accept(l, h.answer)
	return nil
}

func (h *holder) hold(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns = append(h.conns, c)
		h.mu.Unlock()
	}
}

func (h *holder) answer(c net.Conn) {
	out := json.NewEncoder(c)
	for b := make([]byte, 1); ; {
		if _, err := c.Read(b); err != nil {
			return
		}
		if b[0] == 'x' {
			h.drop()
		}
		if err := out.Encode(h.count()); err != nil {
			return
		}
	}
}

func (h *holder) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		c.Close()
	}
	h.conns = nil
}

// count collects twice: what a pool keeps survives one collection.
func (h *holder) count() census {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.mu.Lock()
	defer h.mu.Unlock()
	return census{
		Held: len(h.conns), Live: m.HeapAlloc, Stacks: m.StackInuse, Resident: resident(), Goroutines: runtime.NumGoroutine(),
	}
}

// resident is the memory of this process that is not swapped out, proc(5), statm.
func resident() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(f[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}
