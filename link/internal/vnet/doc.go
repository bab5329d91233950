// Package vnet moves frames through a file descriptor, each behind a virtio-net header (OASIS Virtual I/O Device 1.2
// §5.1.6): what TAP devices and packet sockets have in common. The header is the legacy one of ten octets, in the
// machine's byte order.
//
// # Theory of operation
//
// A [Queue] reads with one vectored call a frame, into [header | 128 | 2 KiB | 64 KiB] of pooled chunks: a frame's headers
// lie in the first, and none is too long. Chunks that a frame left empty serve the next one, because taking a chunk
// from the pool clears it. A tail that fills no more than half of its chunk is copied into one that fits, so that a
// reader who keeps a frame keeps at most about twice its length.
//
// The descriptor does not block; who waits, waits in Go's netpoller, with no thread. A reader that had to wait takes
// the one frame that woke it. A reader that finds a frame at once is behind, and takes what is there, unless it
// found but one the last times: so a round trip costs no call in vain, and a burst is read as one.
//
// With one P ([runtime.GOMAXPROCS]) a reader that finds nothing may go on trying for a bounded time before it parks, and
// lets the other goroutines run between two tries. Whether that pays depends on what wakes faster here: a parked thread,
// or a peer that must go to another core because the reader keeps its own. So it is tried: 256 waits begin, 16 in turn,
// with parking or with spinning, and spinning is kept for 8192 waits if it takes at most nine tenths of the time for a
// frame. A trial that is lost comes again after 1024 waits, then 2048, up to 65536. A trial ends as lost when half of the
// spins were in vain, and spinning ends when half of the last 16 were. Unless a trial is lost, a wait of more than 1 ms
// sends the reader back to the beginning of one, which parks: a device that is idle, or hears a frame now and then, never
// spins. A spinning goroutine is always ready to run, so the scheduler would look at no other descriptor meanwhile;
// therefore every 16th wait parks.
//
// Writers do not wait and do not exclude each other: each has its own header and vector from a pool. What the device
// cannot finish, [link.Fit] finishes first. The kernel refusing a frame (interface down, queue full, device gone) is a
// drop.
package vnet
