package ring

import (
	"testing"

	"tapestry/link"
)

// numbered are frames of n octets each, the i-th starting with octet i.
func numbered(frames, n int) []link.Frame {
	f := make([]link.Frame, frames)
	for i := range f {
		b := make([]byte, n)
		b[0] = byte(i)
		f[i] = link.NewFrame(b)
	}
	return f
}

func TestLimits(t *testing.T) {
	tests := []struct {
		name          string
		depth, octets int
		frames, size  int
		want          int
	}{
		{"fits", 10, 0, 5, 100, 5},
		{"frames", 4, 0, 5, 100, 4},
		{"octets", 10, 299, 5, 100, 2},
		{"octets to the brim", 10, 300, 5, 100, 3},
		{"many", 1000, 0, 500, 60, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New(tt.depth, tt.octets)
			f := numbered(tt.frames, tt.size)
			n, s := r.Put(f)
			link.ReleaseAll(f[n:])
			if want := (Sums{Frames: uint64(tt.want), Bytes: uint64(tt.want * tt.size)}); n != tt.want || s != want {
				t.Errorf("Put = %d, %+v, want %d, %+v", n, s, tt.want, want)
			}
			got := make([]link.Frame, tt.frames)
			if n := r.Get(got); n != tt.want {
				t.Fatalf("Get = %d, want %d", n, tt.want)
			}
			for i := range got[:tt.want] {
				if got[i].Head()[0] != byte(i) {
					t.Fatalf("frame %d is number %d", i, got[i].Head()[0])
				}
			}
			link.ReleaseAll(got)
			if f := numbered(1, tt.size); r.Len() != 0 {
				t.Errorf("%d frames wait in an empty ring", r.Len())
			} else if n, _ := r.Put(f); n != 1 {
				t.Errorf("Put into an emptied ring = %d", n)
			}
			r.Close()
		})
	}
}

// TestWrap: a ring that grows while its oldest frame is not its first keeps the order.
func TestWrap(t *testing.T) {
	r := New(1000, 0)
	next, want, got := 0, 0, make([]link.Frame, 7)
	for round := range 100 {
		f := numbered(256, 20)
		part := f[next%256 : min(256, next%256+5+round)]
		next += len(part)
		r.Put(part)
		link.ReleaseAll(f)
		n := r.Get(got)
		for i := range got[:n] {
			if got[i].Head()[0] != byte(want) {
				t.Fatalf("round %d: frame %d came, want %d", round, got[i].Head()[0], byte(want))
			}
			want++
		}
		link.ReleaseAll(got[:n])
	}
	r.Close()
}

func TestClose(t *testing.T) {
	r := New(10, 0)
	r.Put(numbered(3, 60))
	done := make(chan int)
	r.Close()
	go func() { done <- r.Get(make([]link.Frame, 1)) }()
	if n := <-done; n != 0 {
		t.Errorf("Get of a closed ring = %d", n)
	}
	f := numbered(1, 60)
	if n, _ := r.Put(f); n != 0 {
		t.Errorf("Put into a closed ring = %d", n)
	}
	link.ReleaseAll(f)
}

// TestShared holds that a writer who floods leaves room for others, in frames and in octets, and that the room comes
// back with what is read.
func TestShared(t *testing.T) {
	for _, tt := range []struct {
		name          string
		depth, octets int
	}{{"frames", 100, 0}, {"octets", 1000, 100 * 60}} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewShared(tt.depth, tt.octets)
			defer r.Close()
			put := func(source, frames, want int) {
				t.Helper()
				f := numbered(frames, 60)
				n, _ := r.PutFrom(source, f)
				link.ReleaseAll(f[n:])
				if n != want {
					t.Fatalf("writer %d put %d of %d frames, want %d", source, n, frames, want)
				}
			}
			put(7, 200, 75)
			put(7, 1, 0)
			put(2, 10, 10)
			put(maxSources+3, 30, 15) // all is full
			got := make([]link.Frame, 50)
			if n := r.Get(got); n != 50 {
				t.Fatalf("read %d", n)
			}
			link.ReleaseAll(got)
			put(7, 200, 50) // 25 are left of the first
		})
	}
}
