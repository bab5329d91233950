// Package wait is where the callers of a socket's reading or writing side wait: deadlines, closing, and one token that
// wakes. It knows no protocol.
package wait
