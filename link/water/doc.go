// Package water is a plain TAP device on github.com/songgao/water: no virtio-net header and no offload, one frame a
// call. It serves where package tap cannot; everything that a frame leaves to be done is done in software. It is
// claimed for Linux only.
//
// The library opens the node without close-on-exec and hides the descriptor; it is set here, so that no child process
// keeps the interface alive. Its Read waits in Go's netpoller, which Close unblocks. Naming an interface that exists
// would attach to it and end its persistence, so that is refused.
package water
