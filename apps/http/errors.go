package http

import (
	"errors"
	"fmt"
	"io/fs"
	nethttp "net/http"
	"os"
	"syscall"
)

// replyError is an error that is a reply.
type replyError struct {
	code   int
	detail string // one sentence, with nothing of the request in it; empty: the code's own words
	header map[string]string
	cause  error // for the log
}

func (e *replyError) Error() string {
	s := fmt.Sprintf("%d %s", e.code, statusText(e.code))
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

func (e *replyError) Unwrap() error { return e.cause }

var (
	errNotFound  = &replyError{code: 404}
	errForbidden = &replyError{code: 403}

	// errAborted ends the connection: the reply has begun, and cannot be finished.
	errAborted = errors.New("http: reply cannot be finished")
)

func statusText(code int) string {
	if s := nethttp.StatusText(code); s != "" {
		return s
	}
	return "Error"
}

// fileError is the reply to an error of the file system. An escape from an os.Root is no Errno.
func fileError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errForbidden
	case errors.Is(err, fs.ErrNotExist), !errors.As(err, &errno):
		return errNotFound
	}
	switch errno {
	case syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.ENXIO, syscall.EINVAL, syscall.ENODEV:
		return errNotFound
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
		return &replyError{code: 503, cause: err, header: map[string]string{"Retry-After": "1"}}
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return &replyError{code: 507, detail: "There is no room for the file.", cause: err}
	case syscall.EROFS:
		return errForbidden
	}
	return &replyError{code: 500, cause: err}
}

// bodyError is the reply to an error while the body of a request was read.
func bodyError(err error) error {
	var tooLarge *nethttp.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &replyError{code: 408, header: map[string]string{"Connection": "close"}}
	}
	return &replyError{code: 400, detail: "The body ended too early or was malformed.", cause: err}
}

var errTooLarge = &replyError{code: 413, header: map[string]string{"Connection": "close"}}

// errorPage is the body of an error: text of ours alone.
const errorPage = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>%[1]d %[2]s</title></head>
<body><h1>%[1]d %[2]s</h1>
<p>%[3]s</p></body>
</html>
`

// fail answers with an error.
func (s *server) fail(w *response, r *nethttp.Request, err error) {
	var e *replyError
	if !errors.As(err, &e) {
		e = &replyError{code: 500, cause: err}
	}
	if e.code >= 500 && e.cause != nil {
		s.log.Warn("http: request failed", "code", e.code, "method", r.Method, "path", r.URL.Path, "error", e.cause)
	}
	if w.status != 0 || errors.Is(err, errAborted) {
		panic(nethttp.ErrAbortHandler) // net/http closes the connection or resets the stream
	}
	if b, ok := r.Body.(*body); ok && r.ProtoMajor == 1 && b.isOwed(r) {
		_ = w.control.EnableFullDuplex() // HTTP/1 has it
		w.Header().Set("Connection", "close")
		defer b.linger()
		defer w.flush()
	}
	w.refuse(r, e)
}

// refuse sends the reply of an error.
func (w *response) refuse(r *nethttp.Request, e *replyError) {
	detail := e.detail
	if detail == "" {
		detail = "The server can not answer this request."
	}
	h := w.Header()
	for _, k := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified", "Cache-Control", "Accept-Ranges"} {
		h.Del(k)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	for k, v := range e.header {
		h.Set(k, v)
	}
	w.WriteHeader(e.code)
	if r.Method != "HEAD" {
		_, _ = fmt.Fprintf(w, errorPage, e.code, statusText(e.code), detail) // the client went away
	}
}
