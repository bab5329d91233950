// Package procs adapts GOMAXPROCS, the number of processors (Ps) that run a process's goroutines, to its load: one while
// one is enough, more while goroutines wait for one.
//
// A packet goes from goroutine to goroutine: the device's reader, the engine, the application. With an idle P beside
// them, the runtime wakes that P's thread at each hop, so that it may take over; on a round trip there is nothing to
// take over, and it sleeps again: two or three futex calls each, and where the other core sleeps, the latency of an
// interrupt. With one P the next goroutine simply runs.
//
// # Theory of operation
//
//	           saturated, and goroutines wait
//	      ┌──────────────────────────────────────►
//	few Ps                                        more Ps (twice as many, up to Max)
//	      ◄──────────────────────────────────────┘
//	           for the patience, one P less would do
//
// The process starts with one P. The kernel counts the processor time that it uses and sends a signal for each tick
// (50 ms) of it (timer_create(2) on CLOCK_PROCESS_CPUTIME_ID). Only that signal makes this package look: a process that
// does nothing is not disturbed at all, and one that is busy pays some microseconds for every 50 ms. Each look is one
// [sample], and [policy] decides by it:
//
//   - The Ps are saturated when the processor time used is at least nine tenths of what they can give. Saturation alone
//     is no reason: one goroutine that computes, or a reader that spins, gains nothing from a second P. It also takes
//     goroutines that are ready and have no P ([runtime/metrics], /sched/goroutines/runnable). Both at once, for one
//     sample, doubles the number.
//   - When for the patience (1 s at first) all that the process used would have fitted on one P less, one is taken away.
//     If that proves wrong before ten times the patience has passed, the patience doubles, up to a minute. Changing the
//     number stops all goroutines for some tens of microseconds.
//
// # Limits
//
// One P is held by a goroutine in a system call (a file, waitid(2)) until the runtime's monitor takes it back, which is
// 20 µs when the process is busy and up to 10 ms when it was quiet; others wait so long. Network and TAP descriptors do
// not block and are not concerned.
//
// What sizes itself by GOMAXPROCS when it is made (the engine's TCP processors: one a P) should be made before [Start],
// and what is given as GOMAXPROCS in the environment is the user's word: nothing is adapted then. On systems other
// than Linux nothing is adapted either.
package procs
