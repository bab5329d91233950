package lab

import (
	_ "embed" // of the default lab
	"fmt"
	"os"

	"tapestry/apps"
)

//go:embed default.toml
var defaultLab []byte

// DefaultName is how messages call the file of the embedded lab.
const DefaultName = "default.toml"

// LoadFile checks a lab's file; an empty name is the embedded default lab.
func LoadFile(name string, registry []apps.App) (*Plan, error) {
	if name == "" {
		return Load(DefaultName, defaultLab, registry)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if !info.Mode().IsRegular() && info.IsDir() {
		return nil, fmt.Errorf("lab: %s is a folder; name the lab's file in it", name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return Load(name, text, registry)
}

// DefaultFile is the text of the default lab, to begin a file of one's own with.
func DefaultFile() []byte { return defaultLab }
