package http

import (
	nethttp "net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// privateFields do not become HTTP_ variables: the content has variables of its own, a connection's fields mean nothing
// behind it, RFC 3875 §4.1.18 keeps credentials back, and HTTP_PROXY configures many programs.
var privateFields = []string{
	"Authorization", "Proxy-Authorization", "Connection", "Content-Length", "Content-Type", "Expect", "Keep-Alive",
	"Proxy", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// environment makes the meta-variables of RFC 3875 §4.1, and those that programs expect besides. Nothing of the
// server's own environment is passed on.
func (s *server) environment(r *nethttp.Request, sc script, size int64) []string {
	host, port := serverAddress(r)
	peer, peerPort := splitAddress(r.RemoteAddr)
	env := []string{
		"GATEWAY_INTERFACE=CGI/1.1",
		"QUERY_STRING=" + r.URL.RawQuery,
		"REMOTE_ADDR=" + peer,
		"REMOTE_HOST=" + peer,
		"REQUEST_METHOD=" + r.Method,
		"SCRIPT_NAME=" + sc.name,
		"SERVER_NAME=" + host,
		"SERVER_PORT=" + port,
		"SERVER_PROTOCOL=" + r.Proto,
		"SERVER_SOFTWARE=" + serverName,

		"PATH=" + s.cfg.CGIPath,
		"REMOTE_PORT=" + peerPort,
		"REQUEST_URI=" + r.RequestURI,
		"SCRIPT_FILENAME=" + sc.file,
	}
	if r.TLS != nil {
		env = append(env, "HTTPS=on")
	}
	if size > 0 {
		env = append(env, "CONTENT_LENGTH="+strconv.FormatInt(size, 10))
		if t := r.Header.Get("Content-Type"); t != "" {
			env = append(env, "CONTENT_TYPE="+t)
		}
	}
	return append(append(env, s.pathVariables(sc)...), fieldVariables(r)...)
}

// pathVariables gives PATH_INFO and where it would be below root: RFC 3875 §4.1.5, §4.1.6.
func (s *server) pathVariables(sc script) []string {
	if sc.pathInfo == "" {
		return []string{"PATH_INFO="}
	}
	env := []string{"PATH_INFO=" + sc.pathInfo}
	if s.cfg.Root != "" {
		env = append(env, "PATH_TRANSLATED="+filepath.Join(s.cfg.Root, filepath.FromSlash(sc.pathInfo)))
	}
	return env
}

// fieldVariables gives the HTTP_ variables of RFC 3875 §4.1.18. A name with an underscore could pose as another one.
func fieldVariables(r *nethttp.Request) []string {
	var env []string
	if r.Host != "" {
		env = append(env, "HTTP_HOST="+r.Host)
	}
	for name, values := range r.Header {
		if slices.Contains(privateFields, name) || strings.ContainsAny(name, "_=") {
			continue
		}
		sep := ", "
		if name == "Cookie" {
			sep = "; "
		}
		variable := "HTTP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		env = append(env, variable+"="+strings.Join(values, sep))
	}
	return env
}
