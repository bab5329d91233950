package http

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxReplyHeader = 64 << 10
	maxReplyFields = 200
)

// reply is the head of a program's output: RFC 3875 §6.
type reply struct {
	status int
	header nethttp.Header
	local  *url.URL // a local redirect; nothing else counts then
}

// connectionFields are the server's own business: RFC 3875 §6.3.4.
var connectionFields = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Server"}

// readReply reads the head up to its empty line.
func readReply(r *bufio.Reader) (reply, error) {
	h, err := readFields(r)
	if err != nil {
		return reply{}, err
	}
	if len(h) == 0 {
		return reply{}, errors.New("http: program: no header fields")
	}
	out := reply{header: h}
	if err := out.setStatus(); err != nil {
		return reply{}, err
	}
	for _, name := range connectionFields {
		h.Del(name)
	}
	return out, nil
}

// setStatus tells the kinds of replies apart: RFC 3875 §6.2.
func (p *reply) setStatus() error {
	status, location := p.header.Get("Status"), p.header.Get("Location")
	p.header.Del("Status")
	switch {
	case status != "":
		code, _, _ := strings.Cut(status, " ")
		n, err := strconv.Atoi(code)
		if err != nil || n < 200 || n > 999 {
			return fmt.Errorf("http: program: bad status %q", status)
		}
		p.status = n
	case strings.HasPrefix(location, "/") && !strings.HasPrefix(location, "//"):
		u, err := url.ParseRequestURI(location)
		if err != nil {
			return fmt.Errorf("http: program: bad location: %w", err)
		}
		p.local = u
	case location != "":
		p.status = 302
	case p.header.Get("Content-Type") == "":
		return errors.New("http: program: neither Content-Type nor Location nor Status")
	default:
		p.status = 200
	}
	return nil
}

func readFields(r *bufio.Reader) (nethttp.Header, error) {
	h := nethttp.Header{}
	left := maxReplyHeader
	for range maxReplyFields {
		line, err := readLine(r, &left)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return h, nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isToken(string(name)) || bytes.ContainsAny(value, "\x00\r") {
			return nil, fmt.Errorf("http: program: bad header field %.80q", line)
		}
		h.Add(string(name), string(bytes.TrimSpace(value)))
	}
	return nil, errors.New("http: program: too many header fields")
}

// readLine reads to LF or CR LF; left is what may still come.
func readLine(r *bufio.Reader, left *int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if *left -= len(part); *left < 0 {
			return nil, errors.New("http: program: header too large")
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("http: program: output ends within the header")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// isToken tells if s can be a field name: RFC 9110 §5.6.2.
func isToken(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c))
	})
}
