package tapestry_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// markdownLink finds the target of a link, without its fragment.
var markdownLink = regexp.MustCompile(`\]\(([^)\s#]+)(?:#[^)\s]*)?\)`)

// TestLinks holds that what the documents point at is there.
func TestLinks(t *testing.T) {
	tr, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, x := range tr.texts {
		if path.Ext(x.path) != ".md" {
			continue
		}
		checked++
		x.lines(func(n int, line string) {
			for _, target := range deadLinks(os.DirFS("."), path.Dir(x.path), line) {
				t.Errorf("%s:%d: %s is not there", x.path, n, target)
			}
		})
	}
	if checked == 0 {
		t.Error("no documents were found")
	}
}

// deadLinks gives the targets in one line of a document in dir that fsys does not have.
func deadLinks(fsys fs.FS, dir, line string) (dead []string) {
	for _, m := range markdownLink.FindAllStringSubmatch(line, -1) {
		if strings.Contains(m[1], ":") { // another place: https://, mailto:
			continue
		}
		if _, err := fs.Stat(fsys, path.Join(dir, m[1])); err != nil {
			dead = append(dead, m[1])
		}
	}
	return dead
}

func TestDeadLinks(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		dead       int
	}{
		{"none", "no link", 0},
		{"there", "[a](../Makefile) and [b](RFC.md#rfc-9293)", 0},
		{"missing", "[a](../Makefile) and [b](nothing.md)", 1},
		{"elsewhere", "[a](https://example.org/nothing.md)", 0},
	} {
		if got := deadLinks(os.DirFS("."), "docs", tt.line); len(got) != tt.dead {
			t.Errorf("%s: %q has dead links %v, want %d", tt.name, tt.line, got, tt.dead)
		}
	}
}
