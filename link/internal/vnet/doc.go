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
// the one frame that woke it. A reader that finds a frame at once is behind, and takes what is there: so a round trip
// costs no call in vain, and a burst is read as one.
//
// Writers do not wait and do not exclude each other: each has its own header and vector from a pool. What the device
// cannot finish, [link.Fit] finishes first. The kernel refusing a frame (interface down, queue full, device gone) is a
// drop.
package vnet
