package http

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	nethttp "net/http"
	"time"
)

//go:embed welcome.html
var welcomeText string

var welcomePage = template.Must(template.New("welcome").Parse(welcomeText))

// maxSockets bounds the text about the host's sockets on the built-in page.
const maxSockets = 32 << 10

// welcome is the page of a server without a root: what this host is, and how to give it one.
func (s *server) welcome(w *response, r *nethttp.Request) error {
	if r.URL.Path != "/" {
		return errNotFound
	}
	h := s.env.Host()
	name := h.Name()
	if d := h.Domain(); d != "" {
		name += "." + d
	}
	return sendPage(w, welcomePage, struct {
		Name, Host string
		Addresses  any
		Sockets    string
		Server     string
		HTTPS      bool
	}{name, h.Name(), h.Addresses(), s.sockets(r.Context()), serverName, s.secure != nil})
}

// sockets tells what else listens on the host; empty where nobody can say.
func (s *server) sockets(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var b bytes.Buffer
	if err := s.env.Lab().Netstat(ctx, &b); err != nil || b.Len() > maxSockets {
		return ""
	}
	return b.String()
}
