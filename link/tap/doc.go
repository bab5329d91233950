// Package tap is a Linux TAP device: the kernel has a network interface, and what it sends there comes out here, frame
// by frame, and the other way round. Each frame has a virtio-net header (package vnet), which lets the kernel leave
// checksums and segmentation undone in both directions.
//
// # Offloads
//
// The kernel accepts a set of offloads or refuses it as a whole (TUNSETOFFLOAD), so Open asks for all that are
// switched on, then step by step for less. What it accepted is what frames read from the device may need. The same set
// may be written: the kernel has no question for that direction, but one that segments what it receives from its own
// stack can do it for us. Everything else is finished in software.
//
// # Life of the device
//
// The interface is made by Open and ends with Close, unless it exists already and is only attached to. When it is
// removed while in use, the reader gets an error that says so, Info().Changed is closed, Info().Up is false and what
// is written is dropped and counted.
//
// Bringing the kernel's side up and giving it addresses is left to the caller; frames written before that are dropped.
package tap
