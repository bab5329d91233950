// Package discard throws away what it is sent: RFC 863, on TCP and UDP. It is the sink of throughput measurements: a
// busy session reads into 256 KiB.
package discard
