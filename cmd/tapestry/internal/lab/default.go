package lab

import (
	_ "embed" // of the default lab
	"fmt"
	"io"
	"os"

	"tapestry/apps"
)

//go:embed default.toml
var defaultLab []byte

//go:embed segment.toml
var segmentLab []byte

//go:embed xdp.toml
var xdpLab []byte

//go:embed ipx.toml
var ipxLab []byte

// DefaultName is how messages call the file of the embedded lab.
const DefaultName = "default.toml"

// LoadFile checks a lab's file; an empty name is the embedded default lab.
func LoadFile(name string, registry []apps.App) (*Plan, error) { return LoadFileAs(name, "", registry) }

// LoadFileAs is LoadFile of a lab that is called labName, whatever the file says; empty: what it says.
func LoadFileAs(name, labName string, registry []apps.App) (*Plan, error) {
	if labName != "" && !isLabName(labName) {
		return nil, fmt.Errorf("lab: %q is no lab's name; use up to %d of a-z, 0-9, - and _, a letter or digit first", labName, maxName)
	}
	if name == "" {
		return load(DefaultName, labName, defaultLab, registry)
	}
	text, err := readLimited(name)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return load(name, labName, text, registry)
}

// readLimited reads a file, or what comes out of a pipe, if that is no more than maxFile.
func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; name the lab's file in it", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %d octets, which no lab's file is; name the right file", name, maxFile)
	}
	return text, err
}

// Examples are the texts to begin a file of one's own with, by name.
func Examples() map[string][]byte {
	return map[string][]byte{"default": defaultLab, "segment": segmentLab, "xdp": xdpLab, "ipx": ipxLab}
}
