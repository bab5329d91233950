package lab

import (
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"tapestry/cmd/tapestry/internal/control"
	"tapestry/link/ipxtunnel"
	"tapestry/stack"
)

// Each counter of a tunnel has a name of its own, and the value that the tunnel counts.
func TestTunnelStats(t *testing.T) {
	var d ipxtunnel.Drops
	v := reflect.ValueOf(&d).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(1 + i))
	}
	names, values := map[string]bool{}, map[uint64]bool{}
	for _, s := range tunnelStats("dos", d) {
		names[s.Name], values[s.Value] = true, true
	}
	if len(names) != v.NumField() || len(values) != v.NumField() || values[0] {
		t.Errorf("%d names and %d values of %d counters", len(names), len(values), v.NumField())
	}
}

// A datagram that is none of the tunnel's is counted where the tools of a lab look.
func TestTunnelStatsOfLab(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ipxtunnel.NewServer(ipxtunnel.ServerConfig{Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := &Lab{tunnels: []*openTunnel{{name: "dos", server: server}}}
	sender, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if _, err := sender.Write(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	want := stack.Stat{Name: "ipxtunnel.dos.drop.short", Value: 1}
	var all []stack.Stat
	keep := func(v any) error { all = v.([]stack.Stat); return nil }
	for end := time.Now().Add(5 * time.Second); !slices.Contains(all, want); time.Sleep(time.Millisecond) {
		if err := l.ipxTunnelStats(t.Context(), control.Request{}, keep); err != nil || time.Now().After(end) {
			t.Fatalf("%v, no %+v in %+v", err, want, all)
		}
	}
}
