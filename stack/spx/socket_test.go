package spx

import (
	"io"
	"net"
	"testing"

	"golang.org/x/net/nettest"
)

func TestConn(t *testing.T) {
	tests := []struct {
		name      string
		maxPacket int
		configs   [2]Config
	}{
		{"SPX II", 1500, [2]Config{}},
		{"SPX II of a long packet", 9000, [2]Config{}},
		{"SPX", 1500, [2]Config{{NoSPX2: true}, {NoSPX2: true}}},
		{"SPX II calls SPX", 1500, [2]Config{{}, {NoSPX2: true}}},
		{"SPX calls SPX II", 1500, [2]Config{{NoSPX2: true}, {}}},
		{"a window of one", 576, [2]Config{{Window: 1, SendQueue: 1}, {Window: 1, SendQueue: 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				r := newRigs(t, tt.maxPacket, tt.configs[:]...)
				a, b := r.pair(t)
				return a, b, func() { _, _ = a.Close(), b.Close(); r.stop() }, nil
			})
		})
	}
}

func TestEcho(t *testing.T) {
	r := newRig(t, 1500, Config{})
	a, b := r.pair(t)
	t.Log(a.Info(), a.LocalAddr(), b.LocalAddr())
	if _, err := a.Write([]byte("HELLO")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, m, err := b.ReadMessage(buf)
	if err != nil || string(buf[:n]) != "HELLO" || !m.EOM {
		t.Fatalf("got %q %+v, %v", buf[:n], m, err)
	}
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Read(buf); err != io.EOF {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("bye")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(a)
	if err != nil || string(all) != "bye" {
		t.Fatalf("got %q, %v", all, err)
	}
}
