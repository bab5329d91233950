package http

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"www/index.html": "<p>home", "www/a b.txt": "text", "www/data.odd": "odd", "www/plain": "words\n",
		"www/octets": "\x00\x01\x02", "www/sub/index.htm": "sub", "www/bare/x": "x", "www/.secret": "no",
		"www/.well-known/a.json": "{}", "www/.git/config": "no", "www/café.html": "u", "outside.txt": "outside",
	})
	www := filepath.Join(dir, "www")
	for name, target := range map[string]string{
		"in": "a b.txt", "out": "../outside.txt", "abs": filepath.Join(dir, "outside.txt"), "up": "..", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(www, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(www, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, "root = \"www\"\ntypes = { \".odd\" = \"text/odd\" }\n", func(t *testing.T, s *site) {
		tests := []struct {
			name, method, path string
			code               int
			field, want        string // of the reply
			body               string
		}{
			{"root", "GET", "/", 200, "Content-Type", "text/html; charset=utf-8", "<p>home"},
			{"head", "HEAD", "/", 200, "Content-Length", "7", ""},
			{"no method of a server", "GET", "/", 200, "Server", serverName, "<p>home"},
			{"space", "GET", "/a%20b.txt", 200, "Content-Type", "text/plain; charset=utf-8", "text"},
			{"UTF-8", "GET", "/caf%C3%A9.html", 200, "Content-Type", "text/html; charset=utf-8", "u"},
			{"type of the table", "GET", "/data.odd", 200, "Content-Type", "text/odd; charset=utf-8", "odd"},
			{"text without a type", "GET", "/plain", 200, "Content-Type", "text/plain; charset=utf-8", "words\n"},
			{"octets without a type", "GET", "/octets", 200, "Content-Type", "application/octet-stream", "\x00\x01\x02"},
			{"folder", "GET", "/sub?q=1", 301, "Location", "/sub/?q=1", ""},
			{"second index", "GET", "/sub/", 200, "Content-Length", "3", "sub"},
			{"no listing", "GET", "/bare/", 403, "", "", "*"},
			{"absent", "GET", "/absent", 404, "Content-Type", "text/html; charset=utf-8", "*"},
			{"below a file", "GET", "/plain/x", 404, "", "", "*"},
			{"file as a folder", "GET", "/plain/", 404, "", "", "*"},
			{"hidden", "GET", "/.secret", 404, "", "", "*"},
			{"below hidden", "GET", "/.git/config", 404, "", "", "*"},
			{"well-known", "GET", "/.well-known/a.json", 200, "Content-Type", "application/json", "{}"},
			{"link inside", "GET", "/in", 200, "", "", "text"},
			{"link out", "GET", "/out", 404, "", "", "*"},
			{"absolute link", "GET", "/abs", 404, "", "", "*"},
			{"through a link out", "GET", "/up/outside.txt", 404, "", "", "*"},
			{"link to itself", "GET", "/loop", 404, "", "", "*"},
			{"fifo", "GET", "/fifo", 404, "", "", "*"},
			{"encoded dots", "GET", "/%2e%2e/outside.txt", 400, "", "", "*"},
			{"dots in the middle", "GET", "/sub/%2e%2e/plain", 301, "Location", "/plain", ""},
			{"encoded slash", "GET", "/sub%2findex.htm", 404, "", "", "*"},
			{"encoded slash out", "GET", "/..%2foutside.txt", 404, "", "", "*"},
			{"NUL", "GET", "/plain%00.html", 404, "", "", "*"},
			{"backslash", "GET", "/..%5coutside.txt", 404, "", "", "*"},
			{"two slashes", "GET", "//sub//", 301, "Location", "/sub/", ""},
			{"other host by two slashes", "GET", "//example.org/%2e%2e", 301, "Location", "/", ""},
			{"long name", "GET", "/" + strings.Repeat("x", 300), 404, "", "", "*"},
			{"long URI", "GET", "/?" + strings.Repeat("x", 9000), 414, "", "", "*"},
			{"POST", "POST", "/", 405, "Allow", "GET, HEAD, OPTIONS", "*"},
			{"PUT off", "PUT", "/new", 405, "Allow", "GET, HEAD, OPTIONS", "*"},
			{"PATCH", "PATCH", "/", 405, "Allow", "GET, HEAD, OPTIONS", "*"},
			{"TRACE off", "TRACE", "/", 405, "Allow", "GET, HEAD, OPTIONS", "*"},
			{"the courses' RESPONSE", "RESPONSE", "/", 501, "", "", "*"},
			{"OPTIONS", "OPTIONS", "/plain", 204, "Allow", "GET, HEAD, OPTIONS", ""},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := s.do(t, tt.method, "http://alpha.lab.example"+tt.path, nil)
				if got.StatusCode != tt.code {
					t.Errorf("%s %s: got %d, want %d", tt.method, tt.path, got.StatusCode, tt.code)
				}
				if v := got.Header.Get(tt.field); tt.field != "" && v != tt.want {
					t.Errorf("%s: got %q, want %q", tt.field, v, tt.want)
				}
				if tt.body != "*" && got.body != tt.body {
					t.Errorf("body: got %q, want %q", got.body, tt.body)
				}
			})
		}
	})
}

func TestHiddenShown(t *testing.T) {
	dir := folder(t, map[string]string{".secret": "yes"})
	serve(t, dir, "root = \".\"\nhidden = true\nlisting = true\n", func(t *testing.T, s *site) {
		if got := s.do(t, "GET", "/.secret", nil); got.body != "yes" {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
		if got := s.do(t, "GET", "/", nil); !strings.Contains(got.body, ".secret") {
			t.Errorf("the listing lacks the file: %s", got.body)
		}
	})
}

func TestConditional(t *testing.T) {
	dir := folder(t, map[string]string{"f.txt": "0123456789"})
	serve(t, dir, "root = \".\"\n", func(t *testing.T, s *site) {
		first := s.do(t, "GET", "/f.txt", nil)
		tag, date := first.Header.Get("Etag"), first.Header.Get("Last-Modified")
		if want := long.Format(nethttp.TimeFormat); date != want || !strings.HasPrefix(tag, `"`) {
			t.Fatalf("got ETag %s and Last-Modified %q, want a strong tag and %q", tag, date, want)
		}
		const earlier, later = "Sat, 03 Feb 2001 04:05:05 GMT", "Sat, 03 Feb 2001 04:05:07 GMT"
		tests := []struct {
			name   string
			fields []string
			code   int
			body   string
		}{
			{"same tag", []string{"If-None-Match: " + tag}, 304, ""},
			{"weak tag", []string{"If-None-Match: W/" + tag}, 304, ""},
			{"one of some tags", []string{`If-None-Match: "a,b", ` + tag}, 304, ""},
			{"any", []string{"If-None-Match: *"}, 304, ""},
			{"other tag", []string{`If-None-Match: "x"`}, 200, "0123456789"},
			{"tag before date", []string{`If-None-Match: "x"`, "If-Modified-Since: " + later}, 200, "0123456789"},
			{"not modified", []string{"If-Modified-Since: " + date}, 304, ""},
			{"modified", []string{"If-Modified-Since: " + earlier}, 200, "0123456789"},
			{"no date", []string{"If-Modified-Since: yesterday"}, 200, "0123456789"},
			{"match", []string{"If-Match: " + tag}, 200, "0123456789"},
			{"no match", []string{`If-Match: "x"`}, 412, "*"},
			{"no weak match", []string{"If-Match: W/" + tag}, 412, "*"},
			{"unmodified", []string{"If-Unmodified-Since: " + date}, 200, "0123456789"},
			{"modified after", []string{"If-Unmodified-Since: " + earlier}, 412, "*"},
			{"range", []string{"Range: bytes=2-4"}, 206, "234"},
			{"suffix", []string{"Range: bytes=-3"}, 206, "789"},
			{"to the end", []string{"Range: bytes=7-"}, 206, "789"},
			{"beyond the end", []string{"Range: bytes=7-99"}, 206, "789"},
			{"after the end", []string{"Range: bytes=10-"}, 416, "*"},
			{"other unit", []string{"Range: lines=1-2"}, 416, "*"},
			{"range if same", []string{"Range: bytes=0-0", "If-Range: " + tag}, 206, "0"},
			{"range if other", []string{"Range: bytes=0-0", `If-Range: "x"`}, 200, "0123456789"},
			{"too many ranges", []string{"Range: bytes=0-0" + strings.Repeat(",0-0", maxRanges)}, 416, "*"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := s.do(t, "GET", "/f.txt", nil, tt.fields...)
				if got.StatusCode != tt.code || tt.body != "*" && got.body != tt.body {
					t.Errorf("%q: got %d %q, want %d %q", tt.fields, got.StatusCode, got.body, tt.code, tt.body)
				}
			})
		}
	})
}

func TestRanges(t *testing.T) {
	dir := folder(t, map[string]string{"f.txt": "0123456789"})
	serve(t, dir, "root = \".\"\n", func(t *testing.T, s *site) {
		got := s.do(t, "GET", "/f.txt", nil, "Range: bytes=0-1,5-5,-2")
		kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/byteranges" || got.StatusCode != 206 {
			t.Fatalf("got %d %q (%v)", got.StatusCode, got.Header, err)
		}
		parts := multipart.NewReader(strings.NewReader(got.body), params["boundary"])
		for _, want := range []struct{ place, text string }{{"bytes 0-1/10", "01"}, {"bytes 5-5/10", "5"}, {"bytes 8-9/10", "89"}} {
			p, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(p)
			if err != nil || string(b) != want.text || p.Header.Get("Content-Range") != want.place {
				t.Errorf("got %q %q (%v), want %q", p.Header, b, err, want)
			}
		}
		one := s.do(t, "GET", "/f.txt", nil, "Range: bytes=5-5")
		if v := one.Header.Get("Content-Range"); v != "bytes 5-5/10" {
			t.Errorf("Content-Range: got %q", v)
		}
	})
}

func TestListing(t *testing.T) {
	dir := folder(t, map[string]string{
		"z/": "", "a.txt": "12345", "<b>&\".txt": "x", "a:b": "x", ".hid": "x", "per%cent": "x", "sub/deep/x": "x",
	})
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "escape")); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, "root = \".\"\nlisting = true\n", func(t *testing.T, s *site) {
		got := s.do(t, "GET", "/", nil)
		for _, want := range []string{
			`<a href="./z/">z/</a>`, `<td><a href="./a.txt">a.txt</a></td><td class="n">5</td><td>2001-02-03 04:05:06</td>`,
			`&lt;b&gt;&amp;&#34;.txt</a>`, `href="./a:b"`, `href="./per%25cent"`,
		} {
			if !strings.Contains(got.body, want) {
				t.Errorf("the listing lacks %q", want)
			}
		}
		for _, not := range []string{"<b>", ".hid", "escape", `href="../"`} {
			if strings.Contains(got.body, not) {
				t.Errorf("the listing has %q", not)
			}
		}
		if t.Failed() {
			t.Log(got.body)
		}
		if sub := s.do(t, "GET", "/sub/deep/", nil); !strings.Contains(sub.body, `href="../"`) || !strings.Contains(sub.body, "Index of /sub/deep/") {
			t.Errorf("got %s", sub.body)
		}
	})
}

func TestLargeFile(t *testing.T) {
	const size = 20<<20 + 1
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(data)
	dir := folder(t, map[string]string{"large": string(data)})
	serve(t, dir, "root = \".\"\n", func(t *testing.T, s *site) {
		if got := s.do(t, "GET", "/large", nil); !bytes.Equal([]byte(got.body), data) {
			t.Errorf("got %d octets, want the same %d", len(got.body), size)
		}
		if n := s.Counters.Value("http.bytes.body"); n != size {
			t.Errorf("bytes.body: got %d, want %d", n, size)
		}
	})
}

func TestRedirects(t *testing.T) {
	const config = `
[[redirect]]
from = "/old"
to = "/new"
status = 301
[[redirect]]
from = "/far/"
to = "https://www.example.org/base/"
[[redirect]]
from = "/near/"
to = "/"
`
	serve(t, "", config, func(t *testing.T, s *site) {
		tests := []struct {
			name, path string
			code       int
			to         string
		}{
			{"exact", "/old", 301, "/new"},
			{"query", "/old?a=b", 301, "/new?a=b"},
			{"only exact", "/older", 404, ""},
			{"prefix", "/far/a%20b?c", 302, "https://www.example.org/base/a%20b?c"},
			{"to no other host", "/near//evil.example/x", 301, "/near/evil.example/x"},
			{"below root", "/near/evil.example/x", 302, "/evil.example/x"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := s.do(t, "GET", tt.path, nil)
				if to := got.Header.Get("Location"); got.StatusCode != tt.code || to != tt.to {
					t.Errorf("got %d %q, want %d %q", got.StatusCode, to, tt.code, tt.to)
				}
			})
		}
	})
}
