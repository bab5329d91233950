package procs

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tickSignal tells that the process has used a tick of processor time: the last real-time signal, which neither the
// runtime nor a C library takes for itself.
const tickSignal = syscall.Signal(64)

// watch starts the goroutine that follows the load; end ends it and returns when it is gone.
func watch(p *policy) (end func(), err error) {
	w := &watcher{policy: p, ticks: make(chan os.Signal, 1), done: make(chan struct{})}
	w.metrics[0].Name = "/sched/goroutines/runnable:goroutines"
	// Stays registered after end: a signal that is under way then would else end the process.
	signal.Notify(w.ticks, tickSignal)
	timer, err := newTimer()
	if err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(1)
	w.cpu, w.at = processTime(), time.Now()
	var running sync.WaitGroup
	running.Go(w.run)
	return func() {
		unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(timer), 0, 0)
		close(w.done)
		running.Wait()
	}, nil
}

// watcher takes a sample at each tick. Its goroutine sleeps between them.
type watcher struct {
	policy  *policy
	ticks   chan os.Signal
	done    chan struct{}
	cpu     time.Duration // at the last sample
	at      time.Time
	metrics [1]metrics.Sample
}

func (w *watcher) run() {
	for {
		select {
		case <-w.done:
			return
		case <-w.ticks:
		}
		n := runtime.GOMAXPROCS(0)
		if next := w.policy.next(n, w.sample()); next != n {
			runtime.GOMAXPROCS(next)
		}
	}
}

func (w *watcher) sample() sample {
	metrics.Read(w.metrics[:])
	cpu, now := processTime(), time.Now()
	s := sample{cpu: cpu - w.cpu, wall: now.Sub(w.at)}
	if v := w.metrics[0].Value; v.Kind() == metrics.KindUint64 {
		s.runnable = int(v.Uint64())
	}
	w.cpu, w.at = cpu, now
	return s
}

// processTime is the processor time that the process has used.
func processTime() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// sigevent is the kernel's struct sigevent.
type sigevent struct {
	value  uintptr
	signo  int32
	notify int32
	_      [64 - unsafe.Sizeof(uintptr(0)) - 8]byte
}

// newTimer makes a timer that sends tickSignal for each tick of processor time. It ends with the process.
func newTimer() (timer int32, err error) {
	e := sigevent{signo: int32(tickSignal)} // SIGEV_SIGNAL is zero
	if _, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_PROCESS_CPUTIME_ID,
		uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&timer))); errno != 0 {
		return 0, fmt.Errorf("procs: timer_create: %w", errno)
	}
	each := unix.NsecToTimespec(int64(tick))
	set := [2]unix.Timespec{each, each} // struct itimerspec: interval, first
	if _, _, errno := unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(timer), 0, uintptr(unsafe.Pointer(&set)), 0, 0, 0); errno != 0 {
		return 0, fmt.Errorf("procs: timer_settime: %w", errno)
	}
	return timer, nil
}
