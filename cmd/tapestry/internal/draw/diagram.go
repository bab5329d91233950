package draw

import (
	"strings"
	"unicode"
)

// Diagram is what is drawn.
type Diagram struct {
	Title string `json:"title"`
	Wires []Wire `json:"wires"`
	Boxes []Box  `json:"boxes"`
}

// Wire is a bar: a segment, or a cable between two.
type Wire struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`            // switch, hub, wire: shown before the name
	Notes []string `json:"notes,omitempty"` // shown behind the name
}

// Box is a station, or whatever joins wires.
type Box struct {
	Kind  string   `json:"kind"` // host, tap, trunk, …: shown before the name, and decides the colour
	Name  string   `json:"name"`
	Lines []string `json:"lines,omitempty"` // inside, below the name
	Links []Link   `json:"links"`
}

// Link joins a box to a wire.
type Link struct {
	Wire   string   `json:"wire"`             // one that the diagram has; else the link is left out
	Labels []string `json:"labels,omitempty"` // of the uppermost link beside the line, of others inside the box
	State  string   `json:"state,omitempty"`  // "down" and "blocked": drawn broken; labels tell why
}

// isBroken reports whether nothing passes the link.
func (l Link) isBroken() bool { return l.State == "down" || l.State == "blocked" }

// printable replaces what does not print, so that no name can steer a terminal or break a document.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || unicode.Is(unicode.Mn, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func width(s string) int { return len([]rune(s)) }
