// Wire compares the engine's TCP with the kernel's over the same impaired wire: what a sender and a receiver of each
// kind make of loss, delay, reordering, a slow queue and a cut.
//
//	go run ./bench/wire
//	go run ./bench/wire -scenarios loss,cut -rounds 5
//
// # The wire
//
// Every transfer has a segment of its own with two stations. One of its ports goes through [impair.Device], which does
// to each direction what the scenario says; its chances come from the number of the round, so that all pairs of a round
// have the same wire. A station of the kernel is a TAP in a network namespace that the program makes for this one
// transfer, so that nothing is remembered from one to the next; a station of ours is a stack.Host on a port in memory.
//
// # The pairs
//
// A pair is named sender>receiver. The kernel sends with CUBIC as the engine does, whatever the machine's default is,
// and in one more pair with the machine's default where that is another. The engine sends with each of its ways to recover
// from loss (stack.TCPConfig.Recovery): ours-sack and ours-rack; plain "ours" only receives. All of a round's pairs run at
// the same time and share the processor; the scenarios are slow enough for that, and the row "clean" shows it.
//
// # How to read it
//
// Timeouts are those of the sender's retransmission timer. Goodput is what the receiving program has read, from the connection's start to the end of the time. After a cut, the
// silence is the time from the cut's end to the first octet that is read, and the recovery the time to the first quarter
// of a second in which the pair is back at 80 % of what it had in the second before the cut. Every figure
// is the median of the rounds.
//
// Of requests, one after the other, the times from asking to the last octet of the answer count: the receiver asks, the
// sender answers.
package main
