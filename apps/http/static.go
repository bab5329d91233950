package http

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	nethttp "net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// maxRanges is how many ranges a request may ask for: RFC 9110 §15.5.17 lets servers refuse many small ones.
const maxRanges = 64

// settled is the age from which on a change of a file has another time of modification, whatever the kernel's tick.
const settled = 20 * time.Millisecond

// file answers GET and HEAD.
func (s *server) file(w *response, r *nethttp.Request) error {
	p := r.URL.Path
	if s.conceals(p) {
		return errNotFound
	}
	f, fi, err := s.openFile(fileName(p))
	if err != nil {
		return fileError(err)
	}
	defer f.Close() // only read
	switch {
	case fi.IsDir() && !strings.HasSuffix(p, "/"):
		return sendTo(w, r, &url.URL{Path: p + "/", RawQuery: r.URL.RawQuery}, 0)
	case fi.IsDir():
		return s.folder(w, r, f)
	case strings.HasSuffix(p, "/"):
		return errNotFound
	}
	return s.send(w, r, f, fi)
}

func (s *server) conceals(p string) bool { return !s.cfg.Hidden && isHidden(p) }

// openFile opens a regular file or a folder. O_NONBLOCK is for what was swapped for a FIFO between the two steps.
func (s *server) openFile(name string) (*os.File, fs.FileInfo, error) {
	fi, err := s.root.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !fi.IsDir() && !fi.Mode().IsRegular() {
		return nil, nil, fs.ErrNotExist
	}
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if fi, err = f.Stat(); err == nil && !fi.IsDir() && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, fi, nil
}

// folder sends the index of a folder, or lists it.
func (s *server) folder(w *response, r *nethttp.Request, dir *os.File) error {
	for _, index := range s.cfg.Index {
		f, fi, err := s.openFile(path.Join(fileName(r.URL.Path), index))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fileError(err)
		}
		defer f.Close() // only read
		if fi.Mode().IsRegular() {
			return s.send(w, r, f, fi)
		}
	}
	if !s.cfg.Listing {
		return errForbidden
	}
	return s.list(w, r, dir)
}

// send sends a file. Ranges (RFC 9110 §14) and preconditions (§13) are net/http's work.
func (s *server) send(w *response, r *nethttp.Request, f *os.File, fi fs.FileInfo) error {
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		return &replyError{
			code: 416, detail: "Too many ranges.", header: map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", fi.Size())},
		}
	}
	t, err := s.contentType(fi.Name(), f)
	if err != nil {
		return fileError(err)
	}
	now := s.env.Clock().Now()
	h := w.Header()
	h.Set("Content-Type", t)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Etag", entityTag(fi, now))
	nethttp.ServeContent(w, r, "", lastModified(fi, now), f)
	return nil
}

// entityTag is weak while the file could be changed within the same tick of the clock that gives it its time:
// RFC 9110 §8.8.1.
func entityTag(fi fs.FileInfo, now time.Time) string {
	tag := fmt.Sprintf(`"%x-%x"`, fi.ModTime().UnixNano(), fi.Size())
	if age := now.Sub(fi.ModTime()); age >= 0 && age < settled {
		return "W/" + tag
	}
	return tag
}

// lastModified is never in the future: RFC 9110 §8.8.2.1.
func lastModified(fi fs.FileInfo, now time.Time) time.Time {
	if fi.ModTime().After(now) {
		return now
	}
	return fi.ModTime()
}

// contentType goes by the name. A file whose name tells nothing is looked into, but it is text or octets, never
// something that a browser would run.
func (s *server) contentType(name string, f io.ReadSeeker) (string, error) {
	ext := strings.ToLower(path.Ext(name))
	t, ok := s.cfg.Types[ext]
	if !ok {
		t, ok = types[ext]
	}
	if !ok {
		var err error
		if t, err = sniff(f); err != nil {
			return "", err
		}
	}
	if strings.HasPrefix(t, "text/") && s.cfg.Charset != "" && !strings.Contains(t, "charset=") {
		t = mime.FormatMediaType(t, map[string]string{"charset": s.cfg.Charset})
	}
	return t, nil
}

func sniff(f io.ReadSeeker) (string, error) {
	var b [512]byte
	n, err := io.ReadFull(f, b[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if strings.HasPrefix(nethttp.DetectContentType(b[:n]), "text/") {
		return "text/plain", nil
	}
	return "application/octet-stream", nil
}
