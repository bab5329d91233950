package pcap_test

import (
	"fmt"
	"os"
	"path/filepath"

	"tapestry/link"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
)

// A cable in memory whose one end is captured.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "capture")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	near, far := pipe.New(pipe.Config{})
	defer far.Close()
	dev, err := pcap.New(near, pcap.Config{Path: filepath.Join(dir, "lan.pcapng"), MaxBytes: 100 << 20})
	if err != nil {
		panic(err)
	}
	dev.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))})
	if err := dev.Close(); err != nil { // the file is complete after Close
		panic(err)
	}
	fmt.Println(dev.Capture().Frames, "frame")
	// Output: 1 frame
}
