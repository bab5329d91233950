package pcap

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// rewrite writes packets and reads them back.
func rewrite(t testing.TB, packets []Packet, snap int) []Packet {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, snap)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(b.Bytes())
	if err != nil || len(got) != len(packets) {
		t.Fatalf("wrote %d frames, read %d, %v", len(packets), len(got), err)
	}
	return got
}

// isSame compares frames up to the range of a 64-bit time in nanoseconds.
func isSame(a, b Packet) bool {
	return a.Time.UnixNano() == b.Time.UnixNano() && bytes.Equal(a.Data, b.Data) && a.Length == b.Length &&
		a.Interface == b.Interface && a.Direction == b.Direction
}

func TestWriter(t *testing.T) {
	packets := []Packet{
		{epoch, frame(60, 1), 60, "tap0", Inbound},
		{epoch.Add(time.Nanosecond), frame(61, 2), 61, "tap1", Outbound},
		{epoch.Add(time.Hour), frame(62, 3), 1514, "tap0", Unknown},
		{time.Unix(0, 0), nil, 0, "", Unknown},
	}
	for i, g := range rewrite(t, packets, 0) {
		if !isSame(g, packets[i]) {
			t.Errorf("frame %d: got %+v, want %+v", i, g, packets[i])
		}
	}
	if g := rewrite(t, packets[:1], 20)[0]; !bytes.Equal(g.Data, frame(60, 1)[:20]) || g.Length != 60 {
		t.Errorf("cut to 20: %d octets of %d", len(g.Data), g.Length)
	}
}

func TestWriterFails(t *testing.T) {
	if _, err := NewWriter(&limited{}, 0); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("NewWriter: %v", err)
	}
	w, err := NewWriter(&limited{room: 100}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(Packet{Data: frame(60, 1)}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write: %v", err)
	}
}

func TestWriterBoundsInterfaces(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxInterfaces {
		if err := w.Write(Packet{Interface: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(Packet{Interface: "one more"}); err == nil {
		t.Error("no error for one interface too many")
	}
	if got, err := readAll(b.Bytes()); err != nil || len(got) != maxInterfaces {
		t.Errorf("read %d frames, %v", len(got), err)
	}
}
