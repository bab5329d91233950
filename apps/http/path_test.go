package http

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	tests := []struct {
		name, path, raw, want string // want "": an error
	}{
		{"root", "/", "", "/"},
		{"file", "/a/b", "", "/a/b"},
		{"folder", "/a/b/", "", "/a/b/"},
		{"slashes", "//a///b//", "", "/a/b/"},
		{"dot", "/a/./b/.", "", "/a/b/"},
		{"dots", "/a/b/../c", "", "/a/c"},
		{"dots at the end", "/a/b/..", "", "/a/"},
		{"to the root", "/a/..", "", "/"},
		{"three dots", "/.../a", "", "/.../a"},
		{"climbs", "/..", "", ""},
		{"climbs later", "/a/../../b", "", ""},
		{"climbs and comes back", "/../a", "", ""},
		{"no slash", "a", "", ""},
		{"empty", "", "", ""},
		{"NUL", "/a\x00", "", ""},
		{"backslash", `/a\..\..`, "", ""},
		{"encoded slash", "/a/b", "/a%2Fb", ""},
		{"encoded letters", "/a/b", "/%61/b", "/a/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := canonical(&url.URL{Path: tt.path, RawPath: tt.raw})
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%q: got %q, %v, want %q", tt.path, got, err, tt.want)
			}
		})
	}
}

func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/%2e%2e/x", "/a%2f..", "//x", "/./", "/..%5c", "/%00", "/a/..;/b", "/C:/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil {
			return
		}
		p, err := canonical(u)
		if err != nil {
			return
		}
		name := fileName(p)
		switch {
		case !strings.HasPrefix(p, "/"), strings.Contains(p, "//"), strings.ContainsAny(p, "\x00\\"):
			t.Errorf("%q: got %q", uri, p)
		case !filepath.IsLocal(filepath.FromSlash(name)):
			t.Errorf("%q: %q leads out", uri, name)
		}
		if again, err := canonical(&url.URL{Path: p}); again != p || err != nil {
			t.Errorf("%q: got %q, and of that %q (%v)", uri, p, again, err)
		}
	})
}
