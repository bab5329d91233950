package script

import (
	"flag"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what the scripts expect")

// TestScripts runs the scripts of this project.
func TestScripts(t *testing.T) { Config{Update: *update}.RunDir(t, "testdata") }
