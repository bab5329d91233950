// Package pipe is a cable in memory: two devices, each reading what the other writes. Offload metadata crosses
// unsegmented where the cable is told to carry it ([AllOffloads]), so two stacks on one cable exchange super-frames and
// never compute a layer-4 checksum; else the writing end finishes the frame.
//
// # Theory of operation
//
// Each direction is a ring of frames under one mutex. The writer never blocks: when the ring is full the frame is
// dropped and counted at the writer. Closing either end takes the carrier from both: writes on the other are dropped and
// counted from then on, its reader still gets what is in its ring and then blocks until it is closed as well.
// What the cable carries may change while it is used ([End.SetOffload]): frames are finished by what holds when they are
// written.
package pipe
