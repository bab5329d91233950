//go:build soak

package stack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"tapestry/link/ethernet"
	"tapestry/link/impair"
	"tapestry/link/pipe"
	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// TestSoakSPX moves much data over a cable that loses one frame of a hundred, either way.
func TestSoakSPX(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config spx.Config
		octets int64
		limit  time.Duration // of the whole transfer, so that a stall is a failure
	}{
		{"SPX II", spx.Config{}, 1 << 30, 150 * time.Second},
		{"SPX", spx.Config{NoSPX2: true}, 64 << 20, 80 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, s, wire := lossyConns(t, tt.config)
			start := time.Now()
			end := start.Add(tt.limit)
			c.SetDeadline(end)
			s.SetDeadline(end)
			if c.Info().SPX2 == tt.config.NoSPX2 {
				t.Fatalf("SPX II: %v", c.Info().SPX2)
			}
			if err := compareStreams(c, s, tt.octets); err != nil {
				t.Fatalf("%v; caller %+v, called %+v", err, c.Info(), s.Info())
			}
			tx := wire.Line(impair.Tx).Stats()
			took := time.Since(start)
			t.Logf("%d MiB in %v, %.0f Mbit/s; %d of %d frames lost", tt.octets>>20, took,
				float64(tt.octets)*8/1e6/took.Seconds(), tx.Drops.Loss, tx.Frames)
			if tx.Drops.Loss == 0 {
				t.Error("nothing was lost")
			}
		})
	}
}

// lossyConns gives the ends of a connection over a cable that loses.
func lossyConns(t *testing.T, c spx.Config) (caller, called *spx.Conn, wire *impair.Device) {
	t.Helper()
	a, b := pipe.New(pipe.Config{Names: [2]string{"eth0", "eth0"}})
	loss := impair.Config{Loss: 0.01}
	wire, err := impair.New(a, impair.DeviceConfig{Tx: loss, Rx: loss, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var hosts [2]*Host
	if hosts[0], err = New(Config{Name: "alpha", SPX: c}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hosts[0].Close() })
	if hosts[1], err = New(Config{Name: "beta", SPX: c}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hosts[1].Close() })
	if _, err = hosts[0].AddInterface(wire, InterfaceConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, err = hosts[1].AddInterface(b, InterfaceConfig{}); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		addIPX(t, h, IPXConfig{Frame: ethernet.KindII, Network: ipx.Network(ipxNetworks[ethernet.KindII]), MaxPacket: 65535})
	}
	caller, called = spxPair(t, hosts[0], hosts[1], ethernet.KindII)
	t.Cleanup(func() { caller.Close(); called.Close() })
	return caller, called, wire
}

// compareStreams writes random octets into one end, and holds that their sum is that of what the other end reads.
func compareStreams(w io.WriteCloser, r io.Reader, octets int64) error {
	type result struct {
		sum []byte
		err error
	}
	sent := make(chan result, 1)
	go func() { // ends with the data, or the deadline
		sum := sha256.New()
		_, err := io.CopyN(io.MultiWriter(w, sum), rand.NewChaCha8([32]byte{1}), octets)
		sent <- result{sum.Sum(nil), errors.Join(err, w.Close())}
	}()
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{r}, make([]byte, bulkBlock))
	x := <-sent
	switch {
	case err != nil || x.err != nil:
		return fmt.Errorf("%d octets of %d, then %v; the writer: %v", n, octets, err, x.err)
	case n != octets || string(x.sum) != string(sum.Sum(nil)):
		return fmt.Errorf("%d octets of %d, with the sum %x, not %x", n, octets, sum.Sum(nil), x.sum)
	}
	return nil
}
