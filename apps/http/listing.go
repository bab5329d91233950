package http

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"io"
	nethttp "net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// maxEntries bounds a listing.
const maxEntries = 10_000

//go:embed listing.html
var listingText string

var listingPage = template.Must(template.New("listing").Parse(listingText))

// entry is a line of a listing.
type entry struct {
	Name string
	URL  template.URL // "./" first, or a colon in the name would end a scheme
	Dir  bool
	Size int64
	Time time.Time
}

type listing struct {
	Path      string
	Parent    bool
	Truncated bool
	Entries   []entry
}

// list sends the listing of a folder.
func (s *server) list(w *response, r *nethttp.Request, dir *os.File) error {
	l, err := s.readFolder(r.URL.Path, dir)
	if err != nil {
		return fileError(err)
	}
	return sendPage(w, listingPage, l)
}

func (s *server) readFolder(p string, dir *os.File) (listing, error) {
	l := listing{Path: p, Parent: p != "/"}
	all, err := dir.ReadDir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return l, err
	}
	if l.Truncated = len(all) > maxEntries; l.Truncated {
		all = all[:maxEntries]
	}
	for _, d := range all {
		if e, ok := s.entry(p, d.Name()); ok {
			l.Entries = append(l.Entries, e)
		}
	}
	slices.SortFunc(l.Entries, func(a, b entry) int {
		if a.Dir != b.Dir {
			if a.Dir {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return l, nil
}

// entry leaves out what could not be fetched: hidden files, links that lead out, devices.
func (s *server) entry(folder, name string) (entry, bool) {
	if s.conceals(path.Join(folder, name)) || strings.Contains(name, `\`) {
		return entry{}, false
	}
	fi, err := s.root.Stat(path.Join(fileName(folder), name))
	if err != nil || !fi.IsDir() && !fi.Mode().IsRegular() {
		return entry{}, false
	}
	e := entry{Name: name, URL: template.URL("./" + url.PathEscape(name)), Dir: fi.IsDir(), Size: fi.Size(), Time: fi.ModTime().UTC()}
	if e.Dir {
		e.Name, e.URL = e.Name+"/", e.URL+"/"
	}
	return e, true
}

// sendPage sends a page that is made anew each time.
func sendPage(w *response, t *template.Template, data any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return &replyError{code: 500, cause: err}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write(b.Bytes())
	return aborted(err)
}
