package script

import (
	"fmt"
	"os"
	"path/filepath"
)

// Deviations lists what the scripts (*.txt) of a folder say of deviations from RFCs, by file and line.
func Deviations(dir string) ([]Deviation, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("script: %w", err)
	}
	var ds []Deviation
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("script: %w", err)
		}
		s, err := Parse(f, string(text))
		if err != nil {
			return nil, err
		}
		ds = append(ds, s.Deviations...)
	}
	return ds, nil
}
