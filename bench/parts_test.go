//go:build linux

package bench

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHistogram(t *testing.T) {
	var h histogram
	if h.latency() != nil {
		t.Error("nothing has percentiles")
	}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	h.add(-1)
	var merged histogram
	merged.merge(h.sparse())
	merged.merge(nil)
	l := merged.latency()
	for _, tt := range []struct {
		name      string
		got, want time.Duration
	}{
		{"p50", l.P50, 500 * time.Microsecond},
		{"p90", l.P90, 900 * time.Microsecond},
		{"p99", l.P99, 990 * time.Microsecond},
		{"p999", l.P999, 999 * time.Microsecond},
		{"max", l.Max, time.Millisecond},
	} {
		if off := tt.got - tt.want; off.Abs() > tt.want/25 {
			t.Errorf("%s is %v, want %v or 4 %% off", tt.name, tt.got, tt.want)
		}
	}
}

// TestBuckets: each duration lies in a bucket whose middle is near, and later ones in no earlier bucket.
func TestBuckets(t *testing.T) {
	last := 0
	for d := time.Duration(1); d < 5*time.Minute; d += d/50 + 1 {
		b := bucketOf(d)
		if off := middle(b) - d; b < last || b >= buckets || off.Abs() > d/20 {
			t.Fatalf("%v in bucket %d with middle %v, after bucket %d", d, b, middle(b), last)
		}
		last = b
	}
	if b := bucketOf(1 << 62); b != buckets-1 {
		t.Errorf("the longest time in bucket %d, want the last, %d", b, buckets-1)
	}
}

// TestSwap: swapping twice is as before, and only datagrams are swapped.
func TestSwap(t *testing.T) {
	frame := make([]byte, rawEnd+1)
	for i := range frame {
		frame[i] = byte(i)
	}
	frame[12], frame[13], frame[rawIP], frame[rawIP+9] = 8, 0, 0x45, unix.IPPROTO_UDP
	want := bytes.Clone(frame)
	if !swap(frame) || bytes.Equal(frame, want) || frame[0] != 6 || frame[rawIP+12] != rawIP+16 || frame[rawUDP+1] != rawUDP+3 {
		t.Fatalf("not swapped: % x", frame)
	}
	if !swap(frame) || !bytes.Equal(frame, want) {
		t.Errorf("swapped twice: % x, want % x", frame, want)
	}
	for i := range rawEnd {
		if swap(frame[:i]) {
			t.Errorf("%d octets were swapped", i)
		}
	}
	frame[rawIP+9] = unix.IPPROTO_TCP
	if swap(frame) {
		t.Error("TCP was swapped")
	}
}

func TestWish(t *testing.T) {
	b := wish(1400, time.Second)
	if size, d, ok := wished(b); !ok || size != 1400 || d != time.Second {
		t.Errorf("got %d, %v, %v", size, d, ok)
	}
	for i := range b {
		if _, _, ok := wished(b[:i]); ok {
			t.Errorf("%d octets are a wish", i)
		}
	}
	for _, b := range [][]byte{wish(0, 1), wish(1<<20, 1), wish(1, -1), wish(1, 2*time.Hour)} {
		if _, _, ok := wished(b); ok {
			t.Errorf("% x is a wish", b)
		}
	}
}

func TestMIB(t *testing.T) {
	const text = "Ip: Forwarding\nIp: 1\nTcp: RtoMin RetransSegs InErrs\nTcp: 200 17 3\n"
	for _, tt := range []struct {
		group, name string
		want        uint64
	}{{"Tcp", "RetransSegs", 17}, {"Ip", "Forwarding", 1}, {"Tcp", "None", 0}, {"Udp", "RetransSegs", 0}} {
		if got := mibValue(text, tt.group, tt.name); got != tt.want {
			t.Errorf("%s %s is %d, want %d", tt.group, tt.name, got, tt.want)
		}
	}
}

func TestStatTime(t *testing.T) {
	line := "4711 (a ) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 100"
	if got := statTime(line); got != 3*time.Second {
		t.Errorf("got %v, want 3s", got)
	}
	if got := statTime("4711 (a) S"); got != 0 {
		t.Errorf("a short line gives %v", got)
	}
}

func TestPlacement(t *testing.T) {
	var two unix.CPUSet
	two.Set(1)
	two.Set(3)
	first, others := divide(two)
	if coresArg(two) != "1,3" || coresArg(first) != "1" || coresArg(others) != "3" {
		t.Errorf("%s divides into %s and %s", coresArg(two), coresArg(first), coresArg(others))
	}
	p := placement{name: "split", far: others}
	s := span{}
	s.see(2)
	if got := p.describe(&path{}, s); got != "split, 1 core, GOMAXPROCS 2" {
		t.Errorf("got %q", got)
	}
	if got := p.describe(&path{lean: true}, s); got != "split, 1 core" {
		t.Errorf("got %q", got)
	}
}
