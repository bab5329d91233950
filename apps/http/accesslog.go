package http

import (
	"fmt"
	nethttp "net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"tapestry/apps"
)

// accessLog writes a line a request, in the "combined" format that log readers know.
type accessLog struct {
	clock    apps.Clock
	counters apps.Counters

	mu sync.Mutex
	f  *os.File
}

func openAccessLog(name string, clock apps.Clock, c apps.Counters) (*accessLog, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &accessLog{clock: clock, counters: c, f: f}, nil
}

func (l *accessLog) Close() error { return l.f.Close() }

func (l *accessLog) write(w *response, r *nethttp.Request) {
	line := l.line(w, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.f.WriteString(line); err != nil {
		l.counters.Add("access_log.errors", 1)
	}
}

func (l *accessLog) line(w *response, r *nethttp.Request) string {
	host, _ := splitAddress(r.RemoteAddr)
	return fmt.Sprintf("%s - - [%s] %s %d %d %s %s\n", host, l.clock.Now().Format("02/Jan/2006:15:04:05 -0700"),
		quote(r.Method+" "+r.RequestURI+" "+r.Proto), w.status, w.bytes,
		quote(orDash(r.Referer())), quote(orDash(r.UserAgent())))
}

// quote keeps what a client sent within its field: ASCII, on one line.
func quote(s string) string { return strconv.QuoteToASCII(strings.ToValidUTF8(s, "?")) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
