package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Limits of a session.
const (
	MaxRequest  = 16 << 10
	maxAnswer   = 1 << 20 // a line of the answer: the largest is a super-frame in base64
	maxSessions = 32
	requestTime = 5 * time.Second
	writeTime   = 10 * time.Second
)

// Request is what a tool wants.
type Request struct {
	Op   string          `json:"op"`
	Host string          `json:"host,omitempty"` // empty: the lab's first
	Args json.RawMessage `json:"args,omitempty"`
}

// answer is one line of the lab's.
type answer struct {
	Data  json.RawMessage `json:"data,omitempty"`
	Error string          `json:"error,omitempty"`
	Done  bool            `json:"done,omitempty"`
}

// ParseRequest reads a request's line.
func ParseRequest(line []byte) (Request, error) {
	var r Request
	if len(line) > MaxRequest {
		return r, fmt.Errorf("control: request of %d octets; the most is %d", len(line), MaxRequest)
	}
	if err := strict(line, &r); err != nil {
		return r, fmt.Errorf("control: request: %w", err)
	}
	if r.Op == "" {
		return r, errors.New("control: request without op")
	}
	return r, nil
}

// DecodeArgs fills the struct that v points to with the arguments, of which all must be known to it.
func (r Request) DecodeArgs(v any) error {
	if len(r.Args) == 0 {
		return nil
	}
	if err := strict(r.Args, v); err != nil {
		return fmt.Errorf("control: arguments of %s: %w", r.Op, err)
	}
	return nil
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}
