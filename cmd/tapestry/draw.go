package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/draw"
	"tapestry/cmd/tapestry/internal/lab"
)

// drawer is the command draw.
type drawer struct {
	target
	file   string
	format string
	width  int
}

func drawCommand() *cobra.Command {
	var d drawer
	c := &cobra.Command{
		Use:   "draw [lab.toml]",
		Short: "Draw a lab: hosts, segments, TAPs and trunks, as text or SVG",
		Long: `Draws the lab of a file as it is configured, or without a file the lab that runs, with its counters: frames from a
station (↑) and to it (↓), and how many were dropped by queues or ports that are down, and lost by impairments.

The drawing is text for a terminal, or SVG if the output's name ends in .svg.`,
		Example: "  tapestry draw lab.toml\n  tapestry draw\n  tapestry draw -o lab.svg lab.toml\n  tapestry draw --format svg > now.svg",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			diagram, err := d.diagram(c, args)
			if err != nil {
				return err
			}
			return d.draw(c.OutOrStdout(), diagram)
		},
		ValidArgsFunction: labFiles,
	}
	f := c.Flags()
	f.StringVarP(&d.file, "output", "o", "", "write to this file (default: standard output)")
	f.StringVar(&d.format, "format", "", "text or svg (default: by the output's name, else text)")
	f.IntVar(&d.width, "width", draw.DefaultWidth, "columns, as far as the boxes fit")
	c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "svg"}, cobra.ShellCompDirectiveNoFileComp))
	d.addLab(c)
	d.addJSON(c)
	c.MarkFlagsMutuallyExclusive("json", "format")
	return c
}

func (d *drawer) diagram(c *cobra.Command, args []string) (draw.Diagram, error) {
	if len(args) > 0 {
		p, err := lab.LoadFile(args[0], all.Apps)
		if err != nil {
			return draw.Diagram{}, err
		}
		return p.Diagram(), nil
	}
	var whole draw.Diagram
	err := stream(c.Context(), &d.target, "draw", nil, func(part draw.Diagram) error {
		if whole.Title == "" {
			whole.Title = part.Title
		}
		whole.Wires = append(whole.Wires, part.Wires...)
		whole.Boxes = append(whole.Boxes, part.Boxes...)
		return nil
	})
	return whole, err
}

func (d *drawer) draw(out io.Writer, diagram draw.Diagram) error {
	var b bytes.Buffer
	write, err := d.writer()
	if err != nil {
		return err
	}
	if err := write(&b, diagram); err != nil {
		return err
	}
	if d.file == "" || d.file == "-" {
		_, err := out.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(d.file, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// formats are those of the output by what its name ends in; "" is also standard output's.
var formats = map[string]string{"": "text", ".txt": "text", ".svg": "svg"}

// writer gives the form that was asked for.
func (d *drawer) writer() (func(io.Writer, draw.Diagram) error, error) {
	if d.width < 1 || d.width > 10000 {
		return nil, fmt.Errorf("--width %d is outside of 1 to 10000", d.width)
	}
	format := d.format
	if format == "" {
		format = formats[filepath.Ext(d.file)]
	}
	switch {
	case d.json:
		return func(w io.Writer, diagram draw.Diagram) error { return printJSON(w, diagram) }, nil
	case format == "svg":
		return func(w io.Writer, diagram draw.Diagram) error { return draw.SVG(w, diagram, d.width) }, nil
	case format == "text":
		return func(w io.Writer, diagram draw.Diagram) error { return draw.Text(w, diagram, d.width) }, nil
	}
	if d.format == "" {
		return nil, fmt.Errorf("-o %s: a drawing is text or SVG; name it .txt or .svg, or add --format text or --format svg", d.file)
	}
	return nil, fmt.Errorf("--format %q is neither text nor svg", format)
}
