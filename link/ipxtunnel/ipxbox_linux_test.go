package ipxtunnel

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"tapestry/internal/nstest"
	"tapestry/link/ethernet"
)

// startIPXBox starts fragglet's server on a free port of the test's namespace, until the test ends.
func startIPXBox(t *testing.T, args ...string) netip.AddrPort {
	t.Helper()
	nstest.Require(t)
	program := os.Getenv("TAPESTRY_IPXBOX")
	if program == "" {
		t.Skip("needs ipxbox, which no package has: set TAPESTRY_IPXBOX to the program")
	}
	conn, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	conn.Close()
	cmd := exec.Command(program, append(args, fmt.Sprintf("--port=%d", at.Port()))...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("ipxbox:\n%s", log.String())
		}
	})
	return at
}

func dial(t *testing.T, at netip.AddrPort, w Wire) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, ClientConfig{Listen: listenLoopback, Server: at, Wire: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestIPXBox has two hosts of ours join ipxbox: one with the node that it gives, one translated.
func TestIPXBox(t *testing.T) {
	at := startIPXBox(t)
	w := Wire{Network: testNetwork}
	h1, own := host(t, dial(t, at, w), ethernet.KindII)
	w.Addr = ethernet.Addr(stationA)
	c, err := NewClient(ClientConfig{Listen: listenLoopback, Server: at, Wire: w})
	if err != nil {
		t.Fatal(err)
	}
	h2, _ := host(t, c, ethernet.KindII)
	pings(t, h2, own)
	pings(t, h1, c.Sessions()[0].Node)
	// It pings who is silent for 5 s, without a length: that refreshes when it was heard.
	first := c.Sessions()[0].Heard
	waitFor(t, "a keep-alive", func() bool { return c.Sessions()[0].Heard.After(first) })
	if d := c.Drops(); d != (Drops{Other: d.Other}) {
		t.Errorf("drops %+v", d)
	}
}
