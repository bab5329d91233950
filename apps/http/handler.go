package http

import (
	"fmt"
	"maps"
	"net"
	nethttp "net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// serverName is the product of the Server field and of SERVER_SOFTWARE.
var serverName = "tapestry/" + buildVersion()

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version
	}
	return "devel"
}

// known are the methods of RFC 9110 §9 and RFC 5789; others get 501, known ones that a target does not have 405.
var known = append([]string{"CONNECT", "PATCH"}, configurable...)

// ServeHTTP answers one request.
func (s *server) ServeHTTP(nw nethttp.ResponseWriter, r *nethttp.Request) {
	s.conns.add(1)
	defer s.conns.add(-1)
	w := newResponse(nw, r, s.cfg.WriteTimeout.Duration)
	w.Header().Set("Server", serverName)
	if r.Body != nil && r.Body != nethttp.NoBody {
		r.Body = newBody(w, r, s.cfg.BodyTimeout.Duration)
	}
	defer w.finish()
	defer s.account(w, r)
	defer s.contain(w, r)
	if err := s.route(w, r); err != nil {
		s.fail(w, r, err)
	}
}

// account counts and logs a request that ended, however it did.
func (s *server) account(w *response, r *nethttp.Request) {
	s.counters.Add("requests", 1)
	s.counters.Add("responses."+strconv.Itoa(w.status/100)+"xx", 1)
	s.counters.Add("bytes.body", uint64(w.bytes))
	if s.access != nil {
		s.access.write(w, r)
	}
}

// contain lets a request that panics end alone.
func (s *server) contain(w *response, r *nethttp.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == nethttp.ErrAbortHandler {
		panic(p)
	}
	s.counters.Add("panics", 1)
	s.log.Error("http: request panicked", "peer", r.RemoteAddr, "method", r.Method, "path", r.URL.Path,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	s.fail(w, r, &replyError{code: 500})
}

// route decides what answers a request.
func (s *server) route(w *response, r *nethttp.Request) error {
	if len(r.RequestURI) > s.cfg.MaxURI {
		return &replyError{code: 414}
	}
	if s.cfg.HTTPSRedirect && r.TLS == nil && !isSPX(r) {
		return s.toHTTPS(w, r)
	}
	if !slices.Contains(known, r.Method) {
		return &replyError{code: 501, detail: "The server does not know this method."}
	}
	if r.RequestURI == "*" { // RFC 9110 §9.3.7: the server as a whole
		return s.options(w, r, s.cfg.Methods)
	}
	if r.Method == "CONNECT" {
		return notAllowed(s.cfg.Methods)
	}
	p, err := canonical(r.URL)
	if err != nil {
		return err
	}
	if p != r.URL.Path {
		return sendTo(w, r, &url.URL{Path: p, RawQuery: r.URL.RawQuery}, 0)
	}
	return s.target(w, r, 0)
}

// target answers for a path in canonical form. Depth counts the local redirects of CGI programs.
func (s *server) target(w *response, r *nethttp.Request, depth int) error {
	if to, status, ok := s.redirected(r.URL); ok {
		return sendTo(w, r, to, status)
	}
	programs := s.programsFor(r.URL.Path)
	methods := s.methodsOf(programs != nil)
	switch {
	case r.Method == "OPTIONS" && slices.Contains(methods, "OPTIONS"):
		return s.options(w, r, methods)
	case !slices.Contains(methods, r.Method):
		return notAllowed(methods)
	case r.Method == "TRACE":
		return trace(w, r)
	case programs != nil:
		return s.runProgram(w, r, programs, depth)
	case s.root == nil:
		return s.welcome(w, r)
	case r.Method == "PUT":
		return s.put(w, r)
	case r.Method == "DELETE":
		return s.remove(w, r)
	default:
		return s.file(w, r)
	}
}

// methodsOf gives the methods of a program or of a file.
func (s *server) methodsOf(program bool) []string {
	var m []string
	for _, method := range s.cfg.Methods {
		switch method {
		case "POST":
			if !program {
				continue
			}
		case "PUT", "DELETE":
			if !program && s.root == nil {
				continue
			}
		}
		m = append(m, method)
	}
	return m
}

// notAllowed is 405, which needs an Allow field: RFC 9110 §15.5.6.
func notAllowed(methods []string) error {
	return &replyError{
		code: 405, detail: "The method is not allowed here.", header: map[string]string{"Allow": strings.Join(methods, ", ")},
	}
}

// options implements RFC 9110 §9.3.7.
func (s *server) options(w *response, r *nethttp.Request, methods []string) error {
	if r.Method != "OPTIONS" {
		return &replyError{code: 400, detail: "Only OPTIONS has the target *."}
	}
	if !slices.Contains(methods, "OPTIONS") {
		return notAllowed(methods)
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	w.WriteHeader(204)
	return nil
}

// secrets are the fields that TRACE leaves out: RFC 9110 §9.3.8.
var secrets = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// trace echoes the request as net/http understood it: fields in the order of their names. RFC 9110 §9.3.8.
func trace(w *response, r *nethttp.Request) error {
	if r.ContentLength != 0 {
		return &replyError{code: 400, detail: "A TRACE request has no body."}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", r.Method, r.RequestURI, r.Proto)
	if r.Host != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", r.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains(secrets, name) {
			continue
		}
		for _, v := range r.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	b.WriteString("\r\n")
	w.Header().Set("Content-Type", "message/http")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write([]byte(b.String()))
	return aborted(err)
}

// aborted is for errors of writing: the client is gone, and the reply has begun.
func aborted(err error) error {
	if err != nil {
		return errAborted
	}
	return nil
}

// redirected looks the path up in the configuration.
func (s *server) redirected(u *url.URL) (to *url.URL, status int, ok bool) {
	for _, r := range s.cfg.Redirects {
		rest, below := strings.CutPrefix(u.Path, r.From)
		if r.From != u.Path && !(below && strings.HasSuffix(r.From, "/")) {
			continue
		}
		to, err := url.Parse(r.To)
		if err != nil {
			continue // check has parsed it
		}
		if to.RawQuery == "" {
			to.RawQuery = u.RawQuery
		}
		to.Path, to.RawPath = to.Path+rest, ""
		return to, r.Status, true
	}
	return nil, 0, false
}

// sendTo redirects. Status 0 is the permanent one that keeps the method.
func sendTo(w *response, r *nethttp.Request, to *url.URL, status int) error {
	if status == 0 {
		status = 308
		if r.Method == "GET" || r.Method == "HEAD" {
			status = 301
		}
	}
	w.Header().Set("Location", to.String())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
	return nil
}

// toHTTPS gives the same resource by TLS.
func (s *server) toHTTPS(w *response, r *nethttp.Request) error {
	host, _ := serverAddress(r)
	if port := portOf(s.secure.Addr()); port != "443" {
		host += ":" + port
	}
	return sendTo(w, r, &url.URL{
		Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
	}, 0)
}

// serverAddress gives the name by which the client knows the server, IPv6 addresses in brackets, and the port on which
// it came: RFC 3875 §4.1.14, §4.1.15.
func serverAddress(r *nethttp.Request) (host, port string) {
	u := url.URL{Host: r.Host}
	host = u.Hostname()
	if a, ok := r.Context().Value(nethttp.LocalAddrContextKey).(net.Addr); ok {
		port = portOf(a)
		if host == "" {
			host, _ = splitAddress(a.String())
		}
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host, port
}

func portOf(a net.Addr) string {
	_, port := splitAddress(a.String())
	return port
}

// splitAddress parts a socket's address into host, without a zone, and port. Of SPX these are network and node, with a
// point between them, as a colon would make the host look like an IPv6 address, and the socket in hexadecimal: RFC 3875
// §4.1.8 and §4.1.15 know addresses of IP and decimal ports alone.
func splitAddress(a string) (host, port string) {
	if host, port, err := net.SplitHostPort(a); err == nil {
		host, _, _ = strings.Cut(host, "%")
		return host, port
	}
	last := strings.LastIndexByte(a, ':')
	if last < 0 {
		return a, ""
	}
	return strings.ReplaceAll(a[:last], ":", "."), a[last+1:]
}

// isSPX tells if a request came over SPX, where the server has no TLS.
func isSPX(r *nethttp.Request) bool {
	a, ok := r.Context().Value(nethttp.LocalAddrContextKey).(net.Addr)
	return ok && a.Network() == "spx"
}
