//go:build linux

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// httpGet asks for a file again and again on each of its connections (RFC 9112 §9.3), one request at a time, and reads
// whole answers.
func httpGet(file string) client {
	return func(c *call) (result, error) {
		request := []byte("GET /" + file + " HTTP/1.1\r\nHost: host.example.org\r\n\r\n")
		var mu sync.Mutex
		var all histogram
		r, err := c.each(func(s conn, until time.Time) (count uint64, err error) {
			var times histogram
			in := response{room: make([]byte, blockSize)}
			for last := time.Now(); last.Before(until); count++ {
				if _, err := s.Write(request); err != nil {
					return count, err
				}
				if err := in.read(s); err != nil {
					return count, fmt.Errorf("GET /%s: %w", file, err)
				}
				now := time.Now()
				times.add(now.Sub(last))
				last = now
			}
			mu.Lock()
			defer mu.Unlock()
			all.merge(times.sparse())
			return count, nil
		})
		r.Times = all.sparse()
		return r, err
	}
}

// response reads answers, one after the other, without keeping them.
type response struct {
	room []byte
	body int // octets of the last one
}

var (
	errHead   = errors.New("no end of the header within its room")
	errLength = errors.New("no Content-Length")
)

func (r *response) read(s conn) error {
	have, end := 0, -1
	for end < 0 {
		if have == len(r.room) {
			return errHead
		}
		n, err := s.Read(r.room[have:])
		if err != nil {
			return err
		}
		have += n
		end = bytes.Index(r.room[:have], []byte("\r\n\r\n"))
	}
	if err := r.parse(r.room[:end]); err != nil {
		return err
	}
	for left := r.body - (have - end - 4); left > 0; {
		n, err := s.Read(r.room[:min(left, len(r.room))])
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// parse reads the length of the body, RFC 9112 §6.2; an answer other than 200 is an error.
func (r *response) parse(head []byte) (err error) {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answer %q", status)
	}
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			r.body, err = strconv.Atoi(string(bytes.TrimSpace(value)))
			if err == nil && r.body < 0 {
				err = errLength
			}
			return err
		}
	}
	return errLength
}
