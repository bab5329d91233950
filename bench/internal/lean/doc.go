// Package lean has sockets of the kernel with nothing of Go's runtime between them and the caller: system calls that
// block the calling thread, which the scheduler is not told about.
//
// A goroutine that waits in the runtime's poller is woken through epoll and handed from thread to thread, and a system
// call that the scheduler knows of has its monitor thread look every 20 µs. Both are noise of the measuring side in the
// figures of the measured one. A thread that blocks here keeps its processor (GOMAXPROCS) instead, so
//
//   - a program needs one of these a blocking goroutine, and one for everything else;
//   - nothing that stops the world (a garbage collection, runtime.ReadMemStats) may happen meanwhile;
//   - GODEBUG=asyncpreemptoff=1 spares it the signals that would have it run on.
//
// [Environ] sees to these three for a process of its own.
package lean
