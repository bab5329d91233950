package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	nethttp "net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	maxLocalRedirects = 5
	processWait       = 5 * time.Second // for one of the cgi_processes
	processGrace      = time.Second     // between the end of the output and that of the process
	feedGrace         = 2 * time.Second // between the end of the process and that of the body
	maxStderr         = 1 << 10         // of a request, for the log
)

// programs is a folder of CGI programs and the prefix that it has in paths.
type programs struct {
	prefix, folder string
	root           *os.Root
}

func openPrograms(table map[string]string) (all []*programs, err error) {
	for _, prefix := range slices.Sorted(maps.Keys(table)) {
		root, err := os.OpenRoot(table[prefix])
		if err != nil {
			return all, err
		}
		folder, err := filepath.Abs(table[prefix])
		all = append(all, &programs{prefix: prefix, folder: folder, root: root})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// programsFor gives the folder with the longest prefix of the path.
func (s *server) programsFor(p string) (best *programs) {
	for _, c := range s.programs {
		if strings.HasPrefix(p, c.prefix) && (best == nil || len(c.prefix) > len(best.prefix)) {
			best = c
		}
	}
	return best
}

// script is a program and how a request named it.
type script struct {
	file     string // absolute
	name     string // SCRIPT_NAME
	pathInfo string // PATH_INFO
}

// find gives the program of a path: a regular executable file directly in the folder, no link.
func (c *programs) find(p string) (script, error) {
	file, info, _ := strings.Cut(strings.TrimPrefix(p, c.prefix), "/")
	name := c.prefix + file
	if name != p {
		info = "/" + info
	}
	if file == "" || strings.HasPrefix(file, ".") {
		return script{}, errNotFound
	}
	fi, err := c.root.Lstat(file)
	switch {
	case err != nil:
		return script{}, fileError(err)
	case !fi.Mode().IsRegular():
		return script{}, errNotFound
	case fi.Mode()&0o111 == 0:
		return script{}, errForbidden
	}
	return script{file: filepath.Join(c.folder, file), name: name, pathInfo: info}, nil
}

// runProgram answers with the output of a program: RFC 3875.
func (s *server) runProgram(w *response, r *nethttp.Request, c *programs, depth int) error {
	sc, err := c.find(r.URL.Path)
	if err != nil {
		return err
	}
	if r.ContentLength > s.cfg.MaxBody {
		return errTooLarge
	}
	content, err := s.content(w, r)
	if err != nil {
		return err
	}
	defer content.close()
	if err := s.acquire(r.Context()); err != nil {
		return err
	}
	_ = w.control.EnableFullDuplex() // or net/http takes a part of the body for itself when the reply begins; HTTP/2 needs none
	redirect, err := s.execute(w, r, sc, content)
	<-s.running
	if err != nil || redirect == nil {
		return err
	}
	return s.localRedirect(w, r, redirect, depth)
}

// acquire waits a while for a slot.
func (s *server) acquire(ctx context.Context) error {
	t := time.NewTimer(processWait)
	defer t.Stop()
	select {
	case s.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errAborted
	case <-t.C:
		s.counters.Add("cgi.refused", 1)
		return &replyError{code: 503, header: map[string]string{"Retry-After": "5"}}
	}
}

// execute runs the program, and passes its output on, or gives the path of a local redirect.
func (s *server) execute(w *response, r *nethttp.Request, sc script, in content) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.CGITimeout.Duration)
	defer cancel()
	cmd := &exec.Cmd{Path: sc.file, Args: []string{sc.file}, Dir: filepath.Dir(sc.file), Env: s.environment(r, sc, in.size)}
	p, err := start(cmd, in.reader, in.stop)
	if err != nil {
		return nil, &replyError{code: 500, detail: "The program cannot be started.", cause: err}
	}
	s.counters.Add("cgi.started", 1)
	defer s.report(p, sc)
	stop := context.AfterFunc(ctx, p.abort)
	defer stop()

	redirect, err := s.relay(w, p.stdout)
	p.finish(err == nil)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.counters.Add("cgi.timeouts", 1)
		if w.status == 0 {
			return nil, &replyError{code: 504, detail: "The program took too long."}
		}
		return nil, errAborted
	}
	return redirect, err
}

// report logs what the program complained about.
func (s *server) report(p *process, sc script) {
	if text := p.complaint(); text != "" || p.err != nil {
		s.log.Info("http: program", "script", sc.name, "stderr", text, "exit", fmt.Sprint(p.err))
	}
}

// relay reads the program's reply.
func (s *server) relay(w *response, stdout io.Reader) (*url.URL, error) {
	out := bufio.NewReaderSize(&limited{r: stdout, left: s.cfg.CGIMaxOutput}, 32<<10)
	reply, err := readReply(out)
	if err != nil {
		return nil, &replyError{code: 502, detail: "The program gave no valid reply.", cause: err}
	}
	if reply.local != nil {
		return reply.local, nil
	}
	for k, v := range reply.header {
		w.Header()[k] = v
	}
	w.WriteHeader(reply.status)
	return nil, s.relayBody(w, out)
}

// relayBody sends what the program wrote as it comes.
func (s *server) relayBody(w *response, out *bufio.Reader) error {
	b := make([]byte, 32<<10)
	for {
		n, err := out.Read(b)
		if n > 0 {
			if _, err := w.Write(b[:n]); err != nil {
				return errAborted
			}
			if n < len(b) {
				w.flush()
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if errors.Is(err, errOutput) {
				s.counters.Add("cgi.cut", 1)
			}
			return errAborted
		}
	}
}

var errOutput = errors.New("http: program: more output than cgi_max_output")

// limited fails after so many octets.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		// The end is not too much.
		if n, err := l.r.Read(b[:min(len(b), 1)]); n == 0 {
			return 0, err
		}
		return 0, errOutput
	}
	n, err := l.r.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

// localRedirect answers with another resource of this server, by GET and without a body: RFC 3875 §6.2.2.
func (s *server) localRedirect(w *response, r *nethttp.Request, to *url.URL, depth int) error {
	if depth >= maxLocalRedirects {
		return &replyError{code: 502, detail: "The programs send each other in circles."}
	}
	p, err := canonical(to)
	if err != nil {
		return err
	}
	next := r.Clone(r.Context())
	if r.Method != "HEAD" {
		next.Method = "GET"
	}
	next.URL = &url.URL{Path: p, RawQuery: to.RawQuery}
	next.RequestURI = next.URL.RequestURI()
	next.Body, next.ContentLength, next.TransferEncoding = nethttp.NoBody, 0, nil
	next.Header.Del("Content-Length")
	next.Header.Del("Content-Type")
	return s.target(w, next, depth+1)
}

// content is the body of a request for a program, whose length is known: RFC 3875 §4.1.2.
type content struct {
	reader io.Reader // nil: none
	size   int64
	stop   func() // ends a read that waits
	close  func()
}

// content gives the body of a request. One of unknown length is stored first: RFC 3875 §4.2 has the server undo
// transfer codings.
func (s *server) content(w *response, r *nethttp.Request) (content, error) {
	nothing := func() {}
	if r.ContentLength == 0 {
		return content{stop: nothing, close: nothing}, nil
	}
	stop := nothing
	if b, ok := r.Body.(*body); ok {
		stop = b.stop
	}
	in := nethttp.MaxBytesReader(w.ResponseWriter, r.Body, s.cfg.MaxBody)
	if r.ContentLength > 0 {
		return content{reader: in, size: r.ContentLength, stop: stop, close: nothing}, nil
	}
	f, err := os.CreateTemp("", "tapestry-cgi-*")
	if err != nil {
		return content{}, fileError(err)
	}
	spooled := content{reader: f, stop: nothing, close: func() { _ = f.Close() }} // it has no name any more
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		spooled.close()
		return content{}, fileError(err)
	}
	body := &errorReader{r: in}
	spooled.size, err = io.Copy(f, body)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	switch {
	case body.err != nil:
		err = bodyError(body.err)
	case err != nil:
		err = fileError(err)
	default:
		return spooled, nil
	}
	spooled.close()
	return content{}, err
}
