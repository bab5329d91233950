package script

import (
	"slices"
	"strings"
)

// edits are the lines of a script that the host showed to be otherwise.
type edits struct{ lines []edit }

type edit struct {
	line   int
	before string // a line to insert in front
	now    string // what the line becomes; with drop nothing
	drop   bool
}

// replace has a line say what came. Of a segment it keeps to the fields that it had.
func (e *edits) replace(st Step, at When, flow string, want, got Packet) {
	if want.TCP != nil && got.TCP != nil {
		g := *got.TCP
		g.Win.Given = want.TCP.Win.Given
		g.HasOptions = want.TCP.HasOptions
		g.Options = withoutPadding(g.Options)
		got.TCP = &g
	}
	e.lines = append(e.lines, edit{line: st.Line, now: Step{At: at, Flow: flow, Event: got}.String()})
}

// insert has a packet expected before a step.
func (e *edits) insert(st Step, at When, flow string, got Packet) {
	if got.TCP != nil {
		g := *got.TCP
		g.HasOptions, g.Win = false, Num{}
		got.TCP = &g
	}
	e.lines = append(e.lines, edit{line: st.Line, before: Step{At: at, Flow: flow, Event: got}.String()})
}

// retime gives a step another time.
func (e *edits) retime(st Step, at When) {
	st.At = at
	e.lines = append(e.lines, edit{line: st.Line, now: st.String()})
}

// remove drops a line.
func (e *edits) remove(st Step) { e.lines = append(e.lines, edit{line: st.Line, drop: true}) }

// apply gives the text with the edits made. A comment behind a line stays.
func (e *edits) apply(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	for i, line := range lines {
		keep := []string{line}
		for _, d := range e.lines {
			switch {
			case d.line != i+1:
			case d.before != "":
				out = append(out, d.before)
			case d.drop:
				keep = nil
			default:
				keep[0] = d.now
				if _, comment, ok := strings.Cut(line, "#"); ok {
					keep[0] += " #" + comment
				}
			}
		}
		out = slices.Concat(out, keep)
	}
	return strings.Join(out, "\n")
}
