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
	if _, err := c.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	err = readAnswers(c, receive)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

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
	return errors.New("control: the lab ended")
}
