// Package link is the contract of layer 2: a [Device] with queues that read and write [Frame] values.
//
// # Who owns a frame
//
// A frame's memory is pooled and reference-counted. ReadFrames gives each frame to the caller; WriteFrames takes each
// frame from the caller, also those it drops. Whoever owns a frame passes it on or calls Release, once. A frame that
// was handed on is read-only for everyone, because its chunks may also sit in a sender's retransmission queue: to
// change one, write through [Frame.Overwrite], which copies a chunk that is shared.
//
// # Layout of a frame
//
// Data starts at the destination address and carries neither preamble nor FCS. All headers up to and including the
// transport header lie in the first chunk of a frame that a device of this project reads, as far as they fit in 128
// octets; nothing may rely on that without a check, since a frame can come from anywhere.
//
// # Offload
//
// The metadata has the meaning of a virtio-net header (OASIS Virtual I/O Device 1.2 §5.1.6): a frame with
// NeedsChecksum holds only the pseudo-header's sum in its checksum field; a frame with GSO set is a super-frame, one
// header in front of more payload than the MTU allows. [Info].Tx tells what may be written to a device; [FinishChecksum]
// and [Segment] do in software what a device cannot.
package link
