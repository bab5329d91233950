// Package http is a web server: files below a folder, programs by CGI, TLS and HTTP/2. The protocol itself is package
// net/http's; this package decides what is served, and bounds what a client can take.
//
//	RFC 9110   semantics: methods, conditional requests, ranges, status codes
//	RFC 9111   nothing is cached here; validators are sent so that others can
//	RFC 9112   HTTP/1.1, RFC 1945: HTTP/1.0, both by net/http
//	RFC 9113   HTTP/2, over TLS alone (ALPN "h2"), by net/http
//	RFC 3875   CGI/1.1
//	RFC 5789   PATCH is known, and allowed nowhere
//	RFC 8615   /.well-known/ is shown though its name begins with a point
//
// HTTP over SPX is HTTP/1.1 on its stream of octets; no document says more about it.
//
// Left out: virtual hosts, authentication, content codings, HTTP/3, HTTP/2 without TLS, CGI's non-parsed headers, and
// the command line that RFC 3875 §4.4 makes of a query without "=" (Deviates: it let clients pass options to
// interpreters).
//
// # Theory of operation
//
// A request passes, in this order; each step can end it with an error that carries its status code, and only
// [server.fail] turns errors into replies:
//
//	listener (max_connections) ─► net/http parses (max_header, header_timeout) ─► ServeHTTP (counts, logs, recovers)
//	   ─► length of the URI ─► https_redirect ─► method ─► TRACE, OPTIONS ─► path in canonical form ─► redirect
//	   ─► CGI folder? program ─► root? file, index, listing, PUT, DELETE ─► else the built-in page
//
// Names in requests reach the file system only as a canonical path (canonical) and through an os.Root, so that neither
// "..", encoded slashes nor symbolic links lead out of the folder. What is not a regular file or a folder is not there.
//
// PUT writes a temporary file in the folder of its target, and renames it: readers see the old file or the new one.
// The preconditions of writers are checked under one lock with the rename.
//
// A CGI program is the leader of a process group. A goroutine waits for its exit without reaping it, kills what is left
// of the group, and reaps it then, so that the group's number cannot have been given to others. Timeout, a client that
// goes away, a server that stops and too much output kill the group as well.
//
// # Limits
//
// Nothing waits for ever. Headers have a timer from the first byte, connections between requests another one. Bodies and
// responses must make progress: every body_timeout and write_timeout at least [minProgress] octets (or the rest) must
// pass. CGI programs are limited in number, time and output. At max_connections the server stops to accept until one
// ends.
//
// # Goroutines
//
// Serve owns one for each listener and net/http's own for each connection and HTTP/2 stream; a CGI request has three
// more (exit, standard input, standard error). When its context ends Serve closes the listeners, lets requests finish for
// [shutdownGrace], closes the rest, and waits for all of them.
package http
