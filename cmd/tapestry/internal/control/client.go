package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
)

// Call sends a request to the lab whose socket is at path and gives each result to receive, until the lab is done, ctx
// ends or receive gives an error.
func Call(ctx context.Context, path string, r Request, receive func(json.RawMessage) error) error {
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("control: the lab does not answer: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, unsent := c.Write(append(b, '\n')) // a lab that refuses the caller answers without reading, and closes
	err = readAnswers(c, receive)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case unsent != nil && errors.Is(err, errEnded):
		return fmt.Errorf("control: %w", unsent)
	}
	return err
}

var errEnded = errors.New("control: the lab ended")

func readAnswers(c net.Conn, receive func(json.RawMessage) error) error {
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return fmt.Errorf("control: answer: %w", err)
		}
		switch {
		case a.Error != "":
			return errors.New(a.Error)
		case a.Done:
			return nil
		}
		if err := receive(a.Data); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("control: answer: %w", err)
	}
	return errEnded
}
