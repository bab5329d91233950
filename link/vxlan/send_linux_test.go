package vxlan

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"tapestry/internal/nstest"
	"tapestry/link"
)

func TestMerging(t *testing.T) {
	a, b := newVTEP(at("198.51.100.1:4789"), true), newVTEP(at("198.51.100.2:4789"), true)
	tests := []struct {
		name  string
		sizes []int
		to    []*vtep // the last for the rest
		want  []int   // datagrams of each message
	}{
		{"one", []int{100}, []*vtep{a}, []int{1}},
		{"equal", []int{100, 100, 100}, []*vtep{a}, []int{3}},
		{"the last is shorter", []int{100, 100, 60, 60, 60}, []*vtep{a}, []int{3, 2}},
		{"longer", []int{100, 101, 101}, []*vtep{a}, []int{1, 2}},
		{"another VTEP", []int{100, 100, 100}, []*vtep{a, b}, []int{1, 2}},
		{"flooded", []int{100, 100, 100, 100}, []*vtep{a, b, a, b}, []int{1, 1, 1, 1}},
		{"many", slices.Repeat([]int{60}, 150), []*vtep{a}, []int{64, 64, 22}},
		{"large", slices.Repeat([]int{20_000}, 4), []*vtep{a}, []int{3, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w writer
			for i, n := range tt.sizes {
				w.parts = append(w.parts, part{frame: link.NewFrame(make([]byte, n))})
				w.datagrams = append(w.datagrams, datagram{i, tt.to[min(i, len(tt.to)-1)]})
			}
			for _, merge := range []bool{true, false} {
				w.batch.fill(&w, 0, AppendHeader(nil, 1), merge)
				want := tt.want
				if !merge {
					want = slices.Repeat([]int{1}, len(tt.sizes))
				}
				check(t, &w, want)
			}
		})
	}
}

// check holds the messages against how many datagrams each should have.
func check(t *testing.T, w *writer, want []int) {
	t.Helper()
	b := &w.batch
	var got []int
	for i, m := range b.messages {
		n, octets := b.firsts[i+1]-b.firsts[i], 0
		got = append(got, n)
		for k := b.firsts[i]; k < b.firsts[i+1]; k++ {
			octets += HeaderLen + w.parts[k].frame.Len()
			if w.datagrams[k].to.udp != m.Addr {
				t.Errorf("message %d to %v has a datagram to %v", i, m.Addr, w.datagrams[k].to.addr)
			}
		}
		if has := len(bytes.Join(m.Buffers, nil)); has != octets || (m.OOB != nil) != (n > 1) {
			t.Errorf("message %d: %d octets, control message %x; want %d of %d datagrams", i, has, m.OOB, octets, n)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("messages of %v datagrams, want %v", got, want)
	}
}

// TestMergedArrive: the receiver sees each datagram by itself.
func TestMergedArrive(t *testing.T) {
	a, b := joined(t, listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0"), Config{VNI: 9})
	if !a.out.(*batched).merges.Load() {
		t.Skip("the kernel has no UDP_SEGMENT")
	}
	var f []link.Frame
	for i := range 100 {
		n := 1000
		if i%30 == 29 {
			n = 70 + i
		}
		o := inner(station(1), station(2), n)
		o[n-1] = byte(i)
		f = append(f, link.NewFrame(o))
	}
	if n := a.WriteFrames(f); n != 100 {
		t.Fatalf("WriteFrames = %d", n)
	}
	for got := 0; got < 100; {
		n, err := b.ReadFrames(f[:50])
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			o := f[i].AppendTo(nil)
			want := 1000
			if (got+i)%30 == 29 {
				want = 70 + got + i
			}
			if len(o) != want || o[len(o)-1] != byte(got+i) {
				t.Fatalf("frame %d has %d octets and number %d, want %d octets", got+i, len(o), o[len(o)-1], want)
			}
		}
		link.ReleaseAll(f[:n])
		got += n
	}
	if !a.out.(*batched).merges.Load() {
		t.Error("merging was given up")
	}
}

// TestTooLongForThePath: what does not fit is dropped, and nothing else.
func TestTooLongForThePath(t *testing.T) {
	nstest.Require(t)
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetMTU(lo, 1500); err != nil {
		t.Fatal(err)
	}
	defer netlink.LinkSetMTU(lo, lo.Attrs().MTU)
	a, b := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
	defer b.Close()
	d := tunnel(t, a, portOf(b), Config{VNI: 1, MTU: 3000})
	var f []link.Frame
	for _, n := range []int{99, 2000, 2000, 2000, 99, 99, 1900} {
		f = append(f, link.NewFrame(inner(station(1), station(2), n)))
	}
	if n := d.WriteFrames(f); n != 3 || d.Drops().Full != 4 {
		t.Errorf("WriteFrames = %d, drops %+v, want 3 and 4 full", n, d.Drops())
	}
	b.SetReadDeadline(time.Now().Add(time.Second))
	if got := received(t, b); got != 3 {
		t.Errorf("%d datagrams arrived, want 3", got)
	}
	if !d.out.(*batched).merges.Load() {
		t.Error("merging was given up for a path that is too narrow")
	}
}
