// Package pcap captures what crosses a [link.Device] to pcapng files, and reads captures to replay them.
//
// Formats: pcapng (draft-ietf-opsawg-pcapng), written with Ethernet link type, interface name, nanosecond times,
// direction and interface statistics; read with both byte orders. The classic pcap format (draft-ietf-opsawg-pcap) is
// read. The blocks are read and written here: pcapgo cannot write a frame's direction, and its reader panics on options
// that are too short and believes lengths of 4 GiB. It is the tests' oracle.
//
// # Theory of operation
//
// [New] wraps a device. Each frame is cloned, which copies no octets, on its way in and out, into a bounded queue that
// one goroutine writes to the file:
//
//	reader, writers ──clone──► queue (QueueFrames, QueueBytes) ──► writer ──► file, file.1, …
//	                             │ full: the frame is not captured, and counted
//	                             ▼
//	                           traffic goes on
//
// A capture is of all that crosses, so a station's filter (the method SetFilter of devices that can leave frames out) is
// not told to the wrapped device.
//
// The data path takes one lock a batch and never waits for the disk. What a frame leaves to hardware is finished in the
// captured copy: no reader sees a partial checksum. A super-frame is written as it crossed; what exceeds SnapLen is cut and
// its length noted.
//
// The writer ends for good at the first error (a full disk, a vanished folder): it cuts the file after the last whole block
// if it can, reports the error once to Log and from then on by Err, and releases what comes. Close ends the device, waits
// until the queue is written, and closes the file.
//
// Rotation: when a file would exceed MaxBytes the next one is begun, lan.pcapng, lan.1.pcapng, …; after MaxFiles the first
// is overwritten. Each file is complete in itself.
//
// What locks what: the queue's mutex guards the queue; the counters are atomic; the file belongs to the writer alone.
package pcap
