package dump_test

import (
	"os"
	"path/filepath"
	"testing"

	"tapestry/internal/nstest"
)

// TestWiresharkCaptures holds our reading of frames from the wild against Wireshark's.
func TestWiresharkCaptures(t *testing.T) {
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds ipx*.pcap")
	}
	nstest.Tool(t, "tshark")
	names, _ := filepath.Glob(filepath.Join(dir, "ipx*.pcap"))
	for _, name := range names {
		frames, all := readFrames(t, name), tsharkFile(t, name)
		if len(frames) != len(all) || len(all) == 0 {
			t.Errorf("%s: %d frames, tshark reads %d", name, len(frames), len(all))
			continue
		}
		for i, d := range all {
			holdWireshark(t, frames[i], d)
		}
	}
}
