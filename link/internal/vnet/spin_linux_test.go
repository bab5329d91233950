package vnet

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tapestry/link"
)

// spinning gives q the state in which each wait but every 16th begins with spinning, for as long as the test takes.
func spinning(t *testing.T, q *Queue) {
	procs := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(procs) })
	q.spinner = spinner{bound: time.Hour}
	q.spinner.enter(stateSpins)
}

// TestSpin: other goroutines of the P run while a reader spins, and it finds what they bring without parking and
// without allocating.
func TestSpin(t *testing.T) {
	q, far := pair(t, Config{})
	spinning(t, q)
	wake, msg, f := make(chan struct{}), append(bytes.Clone(plain), make([]byte, 60)...), make([]link.Frame, 4)
	defer close(wake)
	go func() {
		for range wake {
			unix.Write(far, msg)
		}
	}()
	trip := func() {
		wake <- struct{}{}
		if n, err := q.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		f[0].Release()
	}
	const trips = 64
	for range trips {
		trip()
	}
	if spins, hits := q.SpinStats(); hits == 0 || hits > spins || spins > trips*(block-1)/block {
		t.Errorf("%d spins, %d hits", spins, hits)
	}
	if got := testing.AllocsPerRun(100, trip); got != 0 && !raceEnabled {
		t.Errorf("%v allocations a frame, want 0", got)
	}
}

// TestSpinClose: Close ends a reader that spins.
func TestSpinClose(t *testing.T) {
	q, _ := pair(t, Config{})
	spinning(t, q)
	errs := make(chan error)
	go func() {
		_, err := q.ReadFrames(make([]link.Frame, 1))
		errs <- err
	}()
	for range 10 {
		runtime.Gosched()
	}
	q.Close()
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadFrames = %v, want net.ErrClosed", err)
	}
}

// TestSpinManyProcs: with a P to spare nobody spins.
func TestSpinManyProcs(t *testing.T) {
	q, far := pair(t, Config{})
	spinning(t, q)
	runtime.GOMAXPROCS(2)
	f := make([]link.Frame, 4)
	for range 2 * blocks * block {
		put(t, far, plain, 60)
		if n, err := q.ReadFrames(f); n != 1 || err != nil {
			t.Fatalf("ReadFrames = %d, %v", n, err)
		}
		f[0].Release()
	}
	if spins, _ := q.SpinStats(); spins != 0 {
		t.Errorf("%d spins with two Ps, want none", spins)
	}
}

// TestLone: where each frame is alone, and there when the reader looks, few calls are in vain; a burst is still read as
// one soon.
func TestLone(t *testing.T) {
	q, far := pair(t, Config{})
	calls := 0
	q.Receive = func(fd uintptr, c *Chunks) (int, unix.Errno) {
		calls++
		return q.readv(fd, c)
	}
	f := make([]link.Frame, 8)
	read := func() int {
		n, err := q.ReadFrames(f)
		if err != nil {
			t.Fatal(err)
		}
		link.ReleaseAll(f[:n])
		return n
	}
	const frames = 1700
	for range frames {
		put(t, far, plain, 60)
		read()
	}
	if calls > frames*11/10 {
		t.Errorf("%d calls for %d frames, want at most a tenth more", calls, frames)
	}
	for range 100 {
		put(t, far, plain, 60)
	}
	reads := 0
	for left := 100; left > 0; reads++ {
		left -= read()
	}
	if want := maxLone + 1 + 100/len(f); reads > want {
		t.Errorf("a burst of 100 frames took %d calls, want at most %d", reads, want)
	}
}
