package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/lab"
	"tapestry/link"
	"tapestry/link/pcap"
	"tapestry/link/pipe"
	"tapestry/stack/dump"
)

// dumper is the command dump.
type dumper struct {
	target
	args  lab.DumpArgs
	count int
	file  string
	out   io.Writer
	seen  int
}

func dumpCommand() *cobra.Command {
	var d dumper
	c := &cobra.Command{
		Use:   "dump",
		Short: "Show the frames that pass a host's interfaces",
		Long: `Shows the frames that pass the interfaces of a host as text, one line a layer, or writes them to a pcapng file,
until Ctrl-C. Super-frames are shown as they cross the wire, before they are segmented. With --json, one object a line:
data is the frame in base64, text the lines that would be shown.`,
		Example: "  tapestry dump\n  tapestry dump -c 10 -w ten.pcapng\n  tapestry dump -w - | tcpdump -nr -",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { d.out = c.OutOrStdout(); return d.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVarP(&d.args.Interface, "interface", "i", "", "interface (default: all of the host)")
	f.IntVarP(&d.count, "count", "c", 0, "frames to show (default: until Ctrl-C)")
	f.IntVarP(&d.args.Snaplen, "snaplen", "s", 0, "octets of each frame (default: all)")
	f.StringVarP(&d.file, "write", "w", "", "write pcapng to this file, - for standard output")
	d.addJSONLines(c)
	d.addTo(c)
	c.MarkFlagsMutuallyExclusive("write", "json")
	return c
}

// errEnough ends the stream.
var errEnough = errors.New("enough frames")

func (d *dumper) run(ctx context.Context) error {
	show := d.text
	finish := func() error { return nil }
	switch {
	case d.json:
		show = d.object
	case d.file != "":
		f, err := newFrameFile(d.file, d.args.Snaplen)
		if err != nil {
			return err
		}
		show, finish = f.write, f.close
	}
	err := stream(ctx, &d.target, "dump", d.args, func(f lab.Frame) error { return d.frame(f, show) })
	if errors.Is(err, errEnough) || errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, finish())
}

func (d *dumper) frame(f lab.Frame, show func(lab.Frame) error) error {
	if f.Length == 0 { // the lab listens
		return nil
	}
	if err := show(f); err != nil {
		return err
	}
	if d.seen++; d.seen == d.count {
		return errEnough
	}
	return nil
}

// object shows a frame to a program.
func (d *dumper) object(f lab.Frame) error {
	return printLine(d.out, struct {
		lab.Frame
		Text []string `json:"text"` // a line a layer
	}{f, strings.Split(strings.TrimSuffix(dump.Frame(f.Data), "\n"), "\n")})
}

// text shows a frame to a person.
func (d *dumper) text(f lab.Frame) error {
	direction := "in "
	if f.Out {
		direction = "out"
	}
	var notes string
	if f.GSOSize > 0 {
		notes = fmt.Sprintf(" super-frame, segments of %d", f.GSOSize)
	}
	if f.Missed > 0 {
		notes += fmt.Sprintf(" (%d frames missed so far)", f.Missed)
	}
	layers := strings.ReplaceAll(dump.Frame(f.Data), "\n", "\n    ")
	_, err := fmt.Fprintf(d.out, "%s %s %s%s\n    %s\n", f.Time.Format("15:04:05.000000"), f.Interface, direction, notes, layers)
	return err
}

// frameFile writes frames to a capture: they cross a cable in memory, one end of which is captured.
type frameFile struct {
	near *pcap.Device
	far  *pipe.End
	now  time.Time
	one  []link.Frame
}

func newFrameFile(name string, snaplen int) (*frameFile, error) {
	f := &frameFile{one: make([]link.Frame, 1)}
	near, far := pipe.New(pipe.Config{MTU: 65535, Names: [2]string{"tapestry"}})
	c := pcap.Config{Path: name, SnapLen: snaplen, Now: func() time.Time { return f.now }}
	if name == "-" {
		c.Create = func(string) (io.WriteCloser, error) { return os.Stdout, nil }
	}
	d, err := pcap.New(near, c)
	if err != nil {
		return nil, err
	}
	f.near, f.far = d, far
	return f, nil
}

func (f *frameFile) write(s lab.Frame) error {
	f.now = s.Time
	f.one[0] = link.NewFrame(s.Data)
	from, to := link.Queue(f.near.Queues()[0]), link.Queue(f.far)
	if !s.Out {
		from, to = to, from
	}
	from.WriteFrames(f.one)
	if _, err := to.ReadFrames(f.one); err != nil {
		return err
	}
	f.one[0].Release()
	return f.near.Err()
}

func (f *frameFile) close() error { return errors.Join(f.near.Close(), f.far.Close(), f.near.Err()) }
