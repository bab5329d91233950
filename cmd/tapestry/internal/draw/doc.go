// Package draw draws a network: as text for a terminal, and as SVG.
//
// # Theory of operation
//
//	Diagram ──► layout ──► primitives in cells ──► Text: a cell is a character
//	                                           └─► SVG:  a cell is a rectangle of pixels
//
// Wires are horizontal bars, one below the other in the diagram's order. Each box hangs below the first of its wires in
// that order, in the diagram's order, and a bar that is full goes on in another rung below, held by a spine at its left.
// The other wires of a box are below, so they are reached downwards: from the box's foot to a track below the boxes of its
// rung, along it to the wire's lane at the left, down the lane to the bar. Track, lane and bar are one net, so that all
// boxes that want the same wire share them: a drawing has as many lanes as wires, not as boxes. Lines of different nets
// that cross do not touch: the upright one is drawn through.
//
// The same diagram always gives the same drawing: nothing depends on time, maps or fonts.
//
// Texts that a drawing shows are made harmless first: what does not print is shown as U+FFFD, and SVG escapes the rest.
package draw
