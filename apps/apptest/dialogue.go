package apptest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapestry/apps"
)

// Dialogues runs each file that the pattern matches as a subtest, on a connection of its own.
func (s *Server) Dialogues(t *testing.T, network string, port int, pattern string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in %s (%v)", pattern, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := Dialogue(s.Dial(t, network, port), f, string(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Dialogue plays the client of one file's text; the error names the line where the server says something else.
func Dialogue(c net.Conn, file, text string) error {
	d := dialogue{conn: c, r: bufio.NewReader(c)}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := d.step(strings.TrimRight(line, "\r\n")); err != nil {
			return fmt.Errorf("%s:%d: %w", file, n, err)
		}
	}
	return nil
}

type dialogue struct {
	conn net.Conn
	r    *bufio.Reader
}

var errLine = errors.New("neither C: nor S: nor C. nor S. nor a comment")

func (d *dialogue) step(line string) error {
	text := strings.TrimPrefix(line[min(2, len(line)):], " ")
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line == "C.":
		return apps.CloseWrite(d.conn)
	case line == "S.":
		return d.expectEnd()
	case strings.HasPrefix(line, "C:"):
		parts, err := unescape(text)
		if err != nil {
			return err
		}
		_, err = d.conn.Write(bytes.Join(parts, []byte("*")))
		return err
	case strings.HasPrefix(line, "S:"):
		parts, err := unescape(text)
		if err != nil {
			return err
		}
		return d.expect(parts)
	}
	return errLine
}

func (d *dialogue) expectEnd() error {
	rest, err := io.ReadAll(d.r)
	if err != nil {
		return fmt.Errorf("got %w, want the end", err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("got %q, want the end", rest)
	}
	return nil
}

// expect reads as much as the parts have, or a line if there is a star between them.
func (d *dialogue) expect(parts [][]byte) error {
	var got []byte
	var err error
	if len(parts) == 1 {
		got = make([]byte, len(parts[0]))
		var n int
		n, err = io.ReadFull(d.r, got)
		got = got[:n]
	} else {
		got, err = d.r.ReadBytes('\n')
	}
	if !matches(got, parts) {
		return fmt.Errorf("got  %q (%v)\nwant %q", got, err, bytes.Join(parts, []byte("*")))
	}
	return nil
}

// matches tells whether b is the parts with anything between them.
func matches(b []byte, parts [][]byte) bool {
	rest, ok := bytes.CutPrefix(b, parts[0])
	if !ok {
		return false
	}
	if len(parts) == 1 {
		return len(rest) == 0
	}
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		i := bytes.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return bytes.HasSuffix(rest, last)
}

// unescape gives the octets of a line, cut at its stars, with CR LF unless a backslash ends it.
func unescape(line string) (parts [][]byte, err error) {
	var b []byte
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '*':
			parts, b = append(parts, b), nil
		case line[i] != '\\':
			b = append(b, line[i])
		case i == len(line)-1:
			return append(parts, b), nil
		default:
			c, n, err := escape(line[i+1:])
			if err != nil {
				return nil, err
			}
			b, i = append(b, c), i+n
		}
	}
	return append(parts, append(b, "\r\n"...)), nil
}

// escape gives the octet of what follows a backslash, and its length.
func escape(s string) (octet byte, n int, err error) {
	switch s[0] {
	case 'r':
		return '\r', 1, nil
	case 'n':
		return '\n', 1, nil
	case 't':
		return '\t', 1, nil
	case '\\', '*':
		return s[0], 1, nil
	case 'x':
		if len(s) >= 3 {
			v, err := strconv.ParseUint(s[1:3], 16, 8)
			return byte(v), 3, err
		}
	}
	return 0, 0, fmt.Errorf("unknown escape \\%s", s)
}
