package tapestry_test

import (
	"os"
	"strings"
	"testing"

	"tapestry/stack/stacktest/script"
)

// TestDeviations holds that what the packet scripts call a deviation is what the README's table lists.
func TestDeviations(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n## Known deviations\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	found, err := script.Deviations("stack/stacktest/script/testdata")
	if err != nil || len(found) == 0 {
		t.Fatalf("%d deviations, %v", len(found), err)
	}
	rows := map[string]bool{}
	for _, d := range found {
		rows[d.String()] = true
		if !strings.Contains(section, "\n"+d.String()+"\n") {
			t.Errorf("the README's table lacks\n%s", d)
		}
	}
	for line := range strings.Lines(section) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "| ") && !rows[line] && !strings.HasSuffix(line, "| source |") && !strings.HasPrefix(line, "| ---") &&
			!strings.HasSuffix(line, "(no script) |") {
			t.Errorf("no script shows the deviation\n%s", line)
		}
	}
}
