package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
)

func ipxConnect() *cobra.Command {
	var t target
	var a lab.IPXConnectArgs
	quiet, timeout := 2.0, 5.0
	c := &cobra.Command{
		Use:   "connect address",
		Short: "Connect over SPX, send standard input, print what comes",
		Long: fmt.Sprintf(`Connects over SPX from inside a host to an address of network, node and socket, or to a host of the lab or a
server that tapestry slist shows, and a socket. Sends standard input, %d octets at most, and prints what comes, until the
other side ends or says nothing for a while. Where nobody listens, nobody answers either: SPX does not refuse. With
--json, one object a line: who answered, then what comes, in base64.`, lab.MaxConnectData),
		Example: "  echo hello | tapestry ipx connect 0000cafe:020000000001:8007\n  tapestry ipx connect beta:8013 </dev/null",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a.Address, a.Quiet, a.Timeout = args[0], seconds(quiet), seconds(timeout)
			return interrupted(connect(c, &t, a))
		},
	}
	c.Flags().Float64Var(&timeout, "timeout", 5, "seconds to wait for the other side to answer the call")
	c.Flags().Float64VarP(&quiet, "quiet", "W", 2, "seconds without anything after which it ends, once connected")
	t.addTo(c)
	t.addJSONLines(c)
	return c
}

func connect(c *cobra.Command, t *target, a lab.IPXConnectArgs) (err error) {
	if a.Data, err = readInput(c.Context(), c.InOrStdin()); err != nil {
		return err
	}
	notice := notice{w: c.ErrOrStderr()}
	defer notice.stop()
	return stream(c.Context(), t, "ipx.connect", a, func(m lab.IPXMessage) error {
		notice.stop()
		if m.Calling != "" {
			notice.after(noticeAfter, "connecting to "+m.Calling)
			return nil
		}
		if t.json {
			return printLine(c.OutOrStdout(), m)
		}
		_, err := c.OutOrStdout().Write(m.Data)
		return err
	})
}

// readInput reads everything that is to be sent, unless the context ends before.
func readInput(ctx context.Context, r io.Reader) ([]byte, error) {
	var b []byte
	var err error
	done := make(chan struct{})
	go func() { // ends with the input, or with the program
		defer close(done)
		b, err = io.ReadAll(io.LimitReader(r, lab.MaxConnectData+1))
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-done:
	}
	if len(b) > lab.MaxConnectData {
		return nil, fmt.Errorf("standard input has more than %d octets, the most that this tool sends", lab.MaxConnectData)
	}
	return b, err
}

// noticeAfter is how long a person waits before being told for what.
const noticeAfter = time.Second

// notice is a line about what takes long.
type notice struct {
	w     io.Writer
	timer *time.Timer
}

// after writes the line then, unless stop comes before.
func (n *notice) after(d time.Duration, line string) {
	n.timer = time.AfterFunc(d, func() { fmt.Fprintln(n.w, line) })
}

func (n *notice) stop() {
	if n.timer != nil {
		n.timer.Stop()
	}
}

// interrupted says so where a person or a signal ended a tool.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}
