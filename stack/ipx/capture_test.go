package ipx

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

// needCaptures skips a test that reads captures of others where there are none.
func needCaptures(t *testing.T) {
	t.Helper()
	if os.Getenv("TAPESTRY_CAPTURES") == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds ipx.pcap and ipx-invalid-length.pcap")
	}
}

// tables lists what RIP and SAP know, and every counter that is not zero.
func tables(n *Node) string {
	var b strings.Builder
	for _, p := range n.Ports() {
		fmt.Fprintf(&b, "port %d network %v\n", p.ID, p.Network)
	}
	for _, r := range n.Routes() {
		fmt.Fprintf(&b, "route %v %d hops %d ticks port %d via %v\n", r.Network, r.Hops, r.Ticks, r.Port, r.NextHop)
	}
	for _, s := range n.Services() {
		fmt.Fprintf(&b, "service %v %q %v %d hops\n", s.Type, s.Name, s.Addr, s.Hops)
	}
	for _, s := range n.Stats() {
		if s.Value != 0 {
			fmt.Fprintf(&b, "%s %d\n", s.Name, s.Value)
		}
	}
	return b.String()
}

// TestCaptures replays what Windows and a print server said on a network without a number, into a host and a router
// that do not know it either, and into a router that has a number for it. The tables and counters are golden.
func TestCaptures(t *testing.T) {
	needCaptures(t)
	var got strings.Builder
	for _, c := range []struct {
		name   string
		router bool
		net    Network
	}{{"host", false, 0}, {"router", true, 0}, {"router on cafe", true, cafe}} {
		r := newRig(t, Config{Router: c.router}, PortConfig{Network: c.net, Node: node(1)},
			PortConfig{Network: beef, Node: node(2)})
		for _, p := range captured(t, "ipx.pcap") {
			r.wait(time.Second)
			r.Deliver(r.now, 0, Header(p).Source().Node, p)
		}
		fmt.Fprintf(&got, "# %s\n%s\n", c.name, tables(r.Node))
	}
	golden(t, "captures.txt", got.String())
}

// TestInvalidLength: the packet says that it is 29 octets long.
func TestInvalidLength(t *testing.T) {
	needCaptures(t)
	r := newRig(t, Config{})
	before := r.Stats()
	for _, p := range captured(t, "ipx-invalid-length.pcap") {
		r.Deliver(r.now, 0, node(9), p)
	}
	want := "ipxBasicSysInReceives 1, ipxBasicSysInHdrErrors 1, ipx.drop.length 1"
	if got := changed(before, r.Stats()); got != want {
		t.Errorf("counted %s\nwant %s", got, want)
	}
}

// golden holds text against a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s; run with -update and read the diff. Got\n%s", file, got)
	}
}
