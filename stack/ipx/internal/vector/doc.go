// Package vector is what RIP and SAP of IPX share: a table of what neighbours told, and the telling of it to others.
//
// Both protocols are the same distance-vector algorithm over other keys: networks there, names of services here
// (Novell, IPX Router Specification 1.30, the chapters on RIP and SAP). This package keeps the entries, their ages
// and limits, and paces what is sent; the protocol gives the order of keys, the better of two values, and the octets.
//
// # Theory of operation
//
// An entry is configured ([Table.Set]) or learned ([Table.Learn]); a learned one belongs to the neighbour that told
// it.
//
//	            told, limits allow                  Age without a word, or told as 16 hops
//	(unknown) ---------------------> up ------------------------------------------------------> down
//	     ^                            ^  told by a better neighbour, or by any                    |
//	     |                            +-----------------------------------------------------------+
//	     +------------------------------- Hold over ----------------------------------------------+
//
// A neighbour that is better takes an entry over at once; one that is as good only when the owner has been silent for
// two thirds of Age, as BSD's IPXrouted does it. What the owner says replaces what it said, better or worse. Down
// entries are told with 16 hops for Hold, one and a half Update, so that one advertisement carries it even where the
// first word of it is lost.
//
// Timers: Age for each learned entry, Hold for each that is down; Update for each port, after which the whole table
// is told; Gap for each port, which passes between two packets that tell something. A request of one entry is
// answered at once by the protocol and does not wait.
//
// What changes is told at once on each port (a triggered update): each change takes the next number of one sequence,
// and a port remembers the number up to which it was told. What is told about walks the table by key, so that entries
// may come and go between two packets. Nothing is told on the port where it was learned (split horizon), nor on a
// port whose network is not known.
//
// Limits: entries in all, for each port and for each neighbour. What is beyond them is not learned, and counted;
// nothing is ever thrown out for it, so no station can push out what others told. Answers wait in a queue of 8 for
// each port, one for each asker.
//
// Nothing here locks: the owner of the protocol's engine does.
package vector
