package http

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const writing = "root = \"www\"\nmethods = [\"GET\", \"PUT\", \"DELETE\"]\nmax_body = 1000000\n"

// unsized hides the length of a body, so that it is sent in chunks.
type unsized struct{ io.Reader }

func TestWrite(t *testing.T) {
	steps := []struct {
		name, method, path, body string
		fields                   []string
		code                     int
		file, want               string // afterwards; "-": absent
	}{
		{"new", "PUT", "/new.txt", "one", nil, 201, "new.txt", "one"},
		{"again", "PUT", "/new.txt", "two", nil, 204, "new.txt", "two"},
		{"empty", "PUT", "/empty", "", nil, 201, "empty", ""},
		{"large", "PUT", "/large", strings.Repeat("x", 1_000_000), nil, 201, "large", strings.Repeat("x", 1_000_000)},
		{"too large", "PUT", "/larger", strings.Repeat("x", 1_000_001), nil, 413, "larger", "-"},
		{"unknown length", "PUT", "/chunks", strings.Repeat("y", 100_000), []string{"chunked"}, 201, "chunks", strings.Repeat("y", 100_000)},
		{"unknown length too large", "PUT", "/larger", strings.Repeat("y", 1_000_001), []string{"chunked"}, 413, "larger", "-"},
		{"subfolder", "PUT", "/sub/x", "x", nil, 201, "sub/x", "x"},
		{"no folder", "PUT", "/nosub/x", "x", nil, 409, "nosub", "-"},
		{"below a file", "PUT", "/new.txt/x", "x", nil, 404, "new.txt", "two"},
		{"a folder", "PUT", "/sub", "x", nil, 409, "sub/x", "x"},
		{"slash", "PUT", "/x/", "x", nil, 409, "x", "-"},
		{"hidden", "PUT", "/.x", "x", nil, 403, ".x", "-"},
		{"link out", "PUT", "/out/x", "x", nil, 404, "../x", "-"},
		{"part", "PUT", "/new.txt", "x", []string{"Content-Range: bytes 0-0/3"}, 400, "new.txt", "two"},
		{"coded", "PUT", "/new.txt", "x", []string{"Content-Encoding: gzip"}, 415, "new.txt", "two"},
		{"only new", "PUT", "/new.txt", "x", []string{"If-None-Match: *"}, 412, "new.txt", "two"},
		{"only new, is", "PUT", "/new2", "x", []string{"If-None-Match: *"}, 201, "new2", "x"},
		{"only old", "PUT", "/new3", "x", []string{"If-Match: *"}, 412, "new3", "-"},
		{"only old, is", "PUT", "/new.txt", "three", []string{"If-Match: *"}, 204, "new.txt", "three"},
		{"other tag", "PUT", "/new.txt", "x", []string{`If-Match: "x"`}, 412, "new.txt", "three"},
		{"only unmodified", "PUT", "/new.txt", "x", []string{"If-Unmodified-Since: Sat, 03 Feb 2001 04:05:05 GMT"}, 412, "new.txt", "three"},
		{"delete, other tag", "DELETE", "/new.txt", "", []string{`If-Match: "x"`}, 412, "new.txt", "three"},
		{"delete", "DELETE", "/new.txt", "", nil, 204, "new.txt", "-"},
		{"delete again", "DELETE", "/new.txt", "", nil, 404, "new.txt", "-"},
		{"delete a folder", "DELETE", "/sub", "", nil, 409, "sub/x", "x"},
		{"delete root", "DELETE", "/", "", nil, 409, "sub/x", "x"},
		{"delete through a link out", "DELETE", "/out/outside", "", nil, 404, "../outside", "kept"},
		{"POST", "POST", "/new2", "x", nil, 405, "new2", "x"},
	}
	dir := folder(t, map[string]string{"www/sub/": "", "outside": "kept"})
	www := filepath.Join(dir, "www")
	if err := os.Symlink("..", filepath.Join(www, "out")); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, writing, func(t *testing.T, s *site) {
		for _, f := range []string{"new2", "empty", "large", "chunks", "sub/x"} { // of the network before
			_ = os.Remove(filepath.Join(www, f))
		}
		for _, st := range steps {
			var body io.Reader = strings.NewReader(st.body)
			fields := st.fields
			if len(fields) == 1 && fields[0] == "chunked" {
				body, fields = unsized{body}, nil
			}
			if got := s.do(t, st.method, st.path, body, fields...); got.StatusCode != st.code {
				t.Errorf("%s: %s %s: got %d, want %d (%s)", st.name, st.method, st.path, got.StatusCode, st.code, got.body)
			}
			b, err := os.ReadFile(filepath.Join(www, st.file))
			switch {
			case st.want == "-" && !os.IsNotExist(err):
				t.Errorf("%s: %s is there (%v)", st.name, st.file, err)
			case st.want != "-" && !bytes.Equal(b, []byte(st.want)):
				t.Errorf("%s: %s has %d octets (%v), want %d", st.name, st.file, len(b), err, len(st.want))
			}
		}
		left, err := filepath.Glob(filepath.Join(www, tempPrefix+"*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left over: %q (%v)", left, err)
		}
	})
}

// TestWriteInterrupted has a client go away in the middle: the old file stays, and nothing else.
func TestWriteInterrupted(t *testing.T) {
	dir := folder(t, map[string]string{"www/f": "old"})
	serve(t, dir, writing, func(t *testing.T, s *site) {
		got := s.raw(t, "GET /f HTTP/1.1\r\nHost: alpha\r\nConnection: close\r\n\r\n")
		if !strings.HasSuffix(got, "old") {
			t.Fatalf("got %q", got)
		}
		c := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: alpha\r\nContent-Length: 100\r\n\r\npart"); err != nil {
			t.Fatal(err)
		}
		before := s.Counters.Value("http.responses.4xx")
		_ = c.Close()
		eventually(t, "the reply", func() bool { return s.Counters.Value("http.responses.4xx") > before })
		files, err := filepath.Glob(filepath.Join(dir, "www", "*"))
		if b, _ := os.ReadFile(filepath.Join(dir, "www", "f")); err != nil || string(b) != "old" || len(files) != 1 {
			t.Errorf("got %q in %q (%v)", b, files, err)
		}
		if hidden, _ := filepath.Glob(filepath.Join(dir, "www", ".*")); len(hidden) > 0 {
			t.Errorf("left over: %q", hidden)
		}
	})
}

func TestEntityTags(t *testing.T) {
	tests := []struct {
		name, list string
		want       []string
	}{
		{"none", "", nil},
		{"one", `"a"`, []string{`"a"`}},
		{"weak and strong", `W/"a" , "b"`, []string{`W/"a"`, `"b"`}},
		{"comma inside", `"a,b","c"`, []string{`"a,b"`, `"c"`}},
		{"empty members", `, ,"a",,`, []string{`"a"`}},
		{"not closed", `"a","b`, []string{`"a"`}},
		{"no quotes", `a, "b"`, nil},
		{"only W/", `W/`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, entityTags(tt.list)); d != "" {
				t.Errorf("%q: %s", tt.list, d)
			}
		})
	}
}

func FuzzEntityTags(f *testing.F) {
	for _, s := range []string{`"a", W/"b"`, `*`, `"`, `W/`, `"a,b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		tags := entityTags(list)
		if again := entityTags(strings.Join(tags, ",")); !cmp.Equal(tags, again) {
			t.Errorf("%q: got %q, and of that %q", list, tags, again)
		}
	})
}
