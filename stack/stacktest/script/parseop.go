package script

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// arg is what an operation takes after its name.
type arg int

const (
	argNone arg = iota
	argOctets
	argMaybePort
	argMaybeWord
	argOption
	argWord
	argWordOctets
	argDuration
)

// opKinds are the operations on a socket. To add one: a line here, its work in ops.go, its words in doc.go.
var opKinds = map[string]arg{
	"listen":     argMaybePort, // open the listener
	"unlisten":   argNone,      // close it
	"accept":     argNone,      // take the flow's connection
	"connect":    argMaybePort, // begin to connect
	"bind":       argMaybePort, // open a UDP socket
	"dial":       argMaybePort, // open a connected UDP socket
	"write":      argOctets,
	"read":       argOctets,
	"close":      argNone,
	"shutdown":   argMaybeWord, // nothing: the way out; read: the way in
	"abort":      argNone,      // reset
	"setsockopt": argOption,
	"forget":     argMaybeWord, // the flow's sequence numbers; isn=N gives the peer new ones
}

// expectKinds are the checks. To add one: a line here, its work in expect.go, its words in doc.go.
var expectKinds = map[string]arg{
	"error":   argWord,       // the last operation failed so
	"done":    argNone,       // it has ended well
	"blocked": argNone,       // it has not ended
	"nothing": argDuration,   // no packet comes
	"state":   argWord,       // of the flow's connection; none: there is none
	"counter": argWordOctets, // has this value more than at the start
	"unread":  argOctets,     // octets wait for the application
}

// errorNames are what "expect error" knows.
var errorNames = slices.Sorted(maps.Keys(errorsByName))

// stateNames are those of RFC 9293 §3.3.2, as the host's list of sockets has them.
var stateNames = []string{
	"none", "LISTEN", "SYN-SENT", "SYN-RCVD", "ESTABLISHED", "FIN-WAIT1", "FIN-WAIT2", "CLOSE-WAIT", "CLOSING",
	"LAST-ACK", "TIME-WAIT", "CLOSED",
}

func parseOp(name string, w *words) (o Op, err error) {
	kind, ok := opKinds[name]
	if !ok {
		known := append(slices.Collect(maps.Keys(opKinds)), "expect", "<", ">", "host:", "peer:")
		return o, unknown("operation", name, known)
	}
	o.Name = name
	switch kind {
	case argOctets:
		o.N, err = w.count(maxLen)
	case argMaybePort:
		if s := w.next(); s != "" {
			w.back(s)
			o.N, err = w.count(65535)
		}
	case argMaybeWord, argOption:
		o.Word = w.next()
		err = checkOpWord(o)
	}
	return o, err
}

// checkOpWord holds that an operation's word can be carried out.
func checkOpWord(o Op) error {
	if o.Name == "setsockopt" {
		_, err := parseSockopt(o.Word)
		return err
	}
	if o.Word == "" {
		return nil
	}
	if o.Name == "shutdown" && o.Word != "read" {
		return unknown("way to shut down", o.Word, []string{"read"})
	}
	if o.Name == "forget" {
		s, ok := strings.CutPrefix(o.Word, "isn=")
		if !ok {
			return unknown("word of forget", o.Word, []string{"isn=N"})
		}
		_, err := parseNum(s)
		return err
	}
	return nil
}

func parseExpect(w *words) (e Expect, err error) {
	if e.What, err = w.oneOf("thing to expect", slices.Collect(maps.Keys(expectKinds))); err != nil {
		return e, err
	}
	switch expectKinds[e.What] {
	case argWord:
		e.Word, err = w.oneOf(e.What, map[string][]string{"error": errorNames, "state": stateNames}[e.What])
	case argOctets:
		e.N, err = w.count(maxLen)
	case argWordOctets:
		if e.Word = w.next(); e.Word == "" {
			return e, fmt.Errorf("want a counter's name and value")
		}
		e.N, err = w.count(maxLen)
	case argDuration:
		if got := w.next(); got != "for" {
			return e, fmt.Errorf("%q: want nothing for and a duration", got)
		}
		e.For, err = parseDuration(w.next())
	}
	return e, err
}
