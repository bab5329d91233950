package http

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	nethttp "net/http"
	"os"
	"path"
	"strings"
	"time"
)

// tempPrefix begins the names of files that are being written; the point hides them.
const tempPrefix = ".tapestry-put-"

// put stores a file: RFC 9110 §9.3.4. It creates no folders.
func (s *server) put(w *response, r *nethttp.Request) error {
	if err := s.writable(r); err != nil {
		return err
	}
	if err := s.checkPut(r); err != nil {
		return err
	}
	name := fileName(r.URL.Path)
	if err := s.checkTarget(r, name); err != nil { // before the body is read; again before it counts
		return err
	}
	temp, err := s.receive(w, r, path.Dir(name))
	if err != nil {
		return err
	}
	created, err := s.commit(r, temp, name)
	if err != nil {
		_ = s.root.Remove(temp) // the first error tells more
		return err
	}
	if !created {
		w.WriteHeader(204)
		return nil
	}
	w.Header().Set("Location", r.URL.EscapedPath())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(201)
	return nil
}

// writable refuses names that cannot be files here.
func (s *server) writable(r *nethttp.Request) error {
	switch {
	case s.conceals(r.URL.Path):
		return errForbidden
	case strings.HasSuffix(r.URL.Path, "/"):
		return &replyError{code: 409, detail: "The name of a file does not end with a slash."}
	}
	return nil
}

// checkPut refuses bodies that are not a whole file of a known length.
func (s *server) checkPut(r *nethttp.Request) error {
	_, sized := r.Header["Content-Length"]
	switch {
	case r.Header.Get("Content-Range") != "": // RFC 9110 §14.5
		return &replyError{code: 400, detail: "Parts of files are not stored."}
	case r.Header.Get("Content-Encoding") != "":
		return &replyError{code: 415, detail: "Content codings are not stored."}
	case r.ContentLength > s.cfg.MaxBody:
		return errTooLarge
	case r.ContentLength == 0 && !sized && r.ProtoMajor < 2:
		return &replyError{code: 411}
	}
	return nil
}

// checkTarget evaluates the preconditions, and refuses to replace what is no file.
func (s *server) checkTarget(r *nethttp.Request, name string) error {
	fi, err := s.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fi = nil
	case err != nil:
		return fileError(err)
	case !fi.Mode().IsRegular():
		return &replyError{code: 409, detail: "There is something else than a file of this name."}
	}
	if !s.allows(r.Header, fi) {
		return &replyError{code: 412}
	}
	return nil
}

// receive stores the body in a new file of the folder.
func (s *server) receive(w *response, r *nethttp.Request, folder string) (name string, err error) {
	name = path.Join(folder, tempPrefix+rand.Text())
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrNotExist) { // as RFC 4918 §9.7.1 has it
		return "", &replyError{code: 409, detail: "The folder does not exist."}
	}
	if err != nil {
		return "", fileError(err)
	}
	body := &errorReader{r: nethttp.MaxBytesReader(w.ResponseWriter, r.Body, s.cfg.MaxBody)}
	b := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(b)
	_, err = io.CopyBuffer(onlyWriter{f}, body, b[:])
	err = errors.Join(err, f.Close())
	switch {
	case body.err != nil:
		err = bodyError(body.err)
	case err != nil:
		err = fileError(err)
	default:
		return name, nil
	}
	_ = s.root.Remove(name) // the first error tells more
	return "", err
}

// errorReader remembers that reading failed, where io.Copy does not tell which side did.
type errorReader struct {
	r   io.Reader
	err error
}

func (e *errorReader) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}

// commit gives the new file its name, if the preconditions still hold.
func (s *server) commit(r *nethttp.Request, temp, name string) (created bool, err error) {
	s.writers.Lock()
	defer s.writers.Unlock()
	if err := s.checkTarget(r, name); err != nil {
		return false, err
	}
	_, err = s.root.Lstat(name)
	created = errors.Is(err, fs.ErrNotExist)
	if err := s.root.Rename(temp, name); err != nil {
		return false, fileError(err)
	}
	return created, nil
}

// remove deletes a file: RFC 9110 §9.3.5. Folders stay.
func (s *server) remove(w *response, r *nethttp.Request) error {
	if err := s.writable(r); err != nil {
		return err
	}
	name := fileName(r.URL.Path)
	s.writers.Lock()
	defer s.writers.Unlock()
	if _, err := s.root.Stat(name); err != nil {
		return fileError(err)
	}
	if err := s.checkTarget(r, name); err != nil {
		return err
	}
	if err := s.root.Remove(name); err != nil {
		return fileError(err)
	}
	w.WriteHeader(204)
	return nil
}

// allows evaluates the preconditions of a request that changes a file, nil if there is none, in the order of
// RFC 9110 §13.2.2.
func (s *server) allows(h nethttp.Header, fi fs.FileInfo) bool {
	now := s.env.Clock().Now()
	tag := ""
	if fi != nil {
		tag = entityTag(fi, now)
	}
	if match := h.Values("If-Match"); len(match) > 0 {
		if !matches(strings.Join(match, ","), tag, false) {
			return false
		}
	} else if since, err := nethttp.ParseTime(h.Get("If-Unmodified-Since")); err == nil && fi != nil {
		if lastModified(fi, now).Truncate(time.Second).After(since) {
			return false
		}
	}
	none := h.Values("If-None-Match")
	return len(none) == 0 || !matches(strings.Join(none, ","), tag, true)
}

// matches tells if a list of entity tags or "*" has tag, which is empty if there is no file. RFC 9110 §8.8.3.2: the
// strong comparison knows no weak tags.
func matches(list, tag string, weak bool) bool {
	if tag == "" {
		return false
	}
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for _, t := range entityTags(list) {
		if weak && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
		if !weak && t == tag && !strings.HasPrefix(t, "W/") {
			return true
		}
	}
	return false
}

// entityTags splits a list of RFC 9110 §8.8.3; it ends at the first thing that is none. A comma can be inside a tag.
func entityTags(list string) (tags []string) {
	for {
		list = strings.TrimLeft(list, " \t,")
		start := len(list) - len(strings.TrimPrefix(list, "W/"))
		if start >= len(list) || list[start] != '"' {
			return tags
		}
		end := strings.IndexByte(list[start+1:], '"')
		if end < 0 {
			return tags
		}
		end += start + 2
		tags = append(tags, list[:end])
		list = list[end:]
	}
}
