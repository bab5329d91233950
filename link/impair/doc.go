// Package impair is a wire that loses, delays, reorders, doubles, spoils and cuts off frames, as its [Config] says, by a
// clock and a seed that it is given: the same frames at the same times come out the same way. The kernel's netem may be
// absent; and it knows no virtual time.
//
// [Line] is one direction, without a goroutine: frames are written to it, and it hands them on. [Device] wraps both
// directions of any [link.Device]. The text form of a Config is what operators write:
//
//	loss=1%,burst=3,delay=10ms,jitter=2ms,distribution=normal,rate=100mbit,queue=200,discipline=codel
//
// # Theory of operation
//
//	       ┌─ cut, MTU, loss, corrupt, duplicate ─┐
//	Write ─┴► decided at once, in this order ─────┴► waiting ──► sending ──► flight ──► Out
//	                                                  Queue       Rate        Delay
//	                                                  tail, CoDel             Limit
//
// A frame meets, in this order:
//
//  1. Cut: what is written while the line is cut is lost.
//  2. MTU: a longer layer-3 packet is lost, and nobody is told: a black hole. VLAN tags do not count.
//  3. Loss: each frame by itself; or with Burst, in runs of that mean length and with Loss as the share over all; or by the
//     four parameters of Gilbert and Elliott. A lost frame costs no rate.
//  4. Corrupt: the checksum is finished, then one bit behind the Ethernet header is turned over. The header is spared: what a
//     frame check sequence covers is lost on a real wire, what was spoiled inside of a router got a new header.
//  5. Duplicate: the copy follows its original and fares by itself from here on.
//  6. Rate: frames are sent one after the other, each for its octets and Overhead, and wait in a queue bounded by Queue and
//     QueueBytes. With CoDel (RFC 8289), those that waited too long for too long are dropped when they are taken from it;
//     frames are not marked (RFC 3168).
//  7. Reorder: the frame comes out at once. It jumps the delay, not the queue.
//  8. Delay and Jitter, counted from when the frame was sent. Order is kept: a frame comes out no sooner than the one written
//     before it, whatever the jitter. netem lets jitter reorder; here that is said with Reorder.
//  9. Cut: what would come out while the line is cut is lost; what is on its way for longer than the cut is not.
//
// Each kind of chance draws from a stream of its own, so that another jitter loses the same frames. A kind that is off, or
// sure, draws nothing. Runs are the same on one architecture; floating point may differ in the last digit between two.
//
// Super-frames cross whole while only Delay, Jitter and Cuts are set. Else they are taken apart first ([link.Segment]),
// because loss and rates are of frames on a wire; so there is a cost in throughput.
//
// A perfect wire costs a lock taken twice and no memory; a [Device] of one, an atomic load. Once Rx of a Device was not perfect, a
// goroutine for each queue reads the wrapped device, and readers are served from a ring of Depth frames; until then, and for
// Tx always, there is no goroutine but that of the clock's timer. A batch that is read just when Rx is changed may still
// come as before.
//
// # Time
//
// The line keeps one timer, for the next frame that is sent or due. When it is late, what was due is worked off in the
// order of its times, and the times of what follows are reckoned from when it was due: rates are exact over time.
// A rate's fractions of a nanosecond are carried over.
//
// # Limits
//
// Queue and QueueBytes bound what waits for the rate; Limit and LimitBytes what is on its way, and again what is ready while
// Out is at work; Depth and 64 MiB what a reader did not fetch. What finds no room is dropped and counted by reason in
// [Stats]. The number of cuts and the size of each setting are bounded too.
//
// # Locks
//
// One mutex guards a line. It is free while Out runs; whoever writes meanwhile leaves the frames to who is in Out, so that
// Out is never called twice at the same time and order is kept. A ring's mutex is taken after none.
package impair
