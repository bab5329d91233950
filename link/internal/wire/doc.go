// Package wire says which frames a device may put on its wire as they are, which have to be finished first, and which
// are lost. Devices share it, so that all of them drop the same frames.
//
// Sources: IEEE 802.3 §3, IEEE 802.1Q §9, and the virtio-net header (OASIS Virtual I/O Device 1.2 §5.1.6).
package wire
