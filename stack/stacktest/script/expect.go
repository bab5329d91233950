package script

import (
	"errors"
	"maps"
	"slices"
)

// checkResults fails for an operation that failed and of which no line says so.
func (p *player) checkResults(st Step) {
	for _, f := range p.order {
		if k := f.pending; k != nil && !k.claimed && k.isDone() && k.err != nil {
			p.fail(st, "%s failed: %v%s", k.name, k.err, remedy(k.err))
		}
	}
}

// remedy is the line that says of an operation that it is to fail like this; nothing if no line can.
func remedy(err error) string {
	for _, name := range slices.Sorted(maps.Keys(errorsByName)) {
		if errors.Is(err, errorsByName[name]) {
			return "; if it is to, write after it: expect error " + name
		}
	}
	return ""
}

// expect carries a check out.
func (p *player) expect(st Step, f *flow, e Expect) {
	switch e.What {
	case "error", "done", "blocked":
		p.expectResult(st, f, e)
	case "nothing":
		p.advance(Step{Line: st.Line, Event: e, At: When{From: e.For, To: e.For}})
	case "state":
		if got := p.state(f); got != e.Word {
			p.fail(st, "the state is %s", got)
		}
	case "unread":
		if _, got := p.socket(f); got != e.N {
			p.fail(st, "%d octets are unread", got)
		}
	case "counter":
		now, known := p.counters()[e.Word]
		if !known {
			p.fail(st, "the host has no counter of that name")
		}
		if got := now - p.counts[e.Word]; got != uint64(e.N) {
			p.fail(st, "it is %d", got)
		}
	}
}

// expectResult checks what became of the flow's last operation.
func (p *player) expectResult(st Step, f *flow, e Expect) {
	k := f.pending
	if k == nil {
		p.fail(st, "there was no operation on this connection")
	}
	if e.What == "blocked" {
		if k.isDone() {
			p.fail(st, "%s has ended: %v", k.name, k.err)
		}
		k.claimed = true
		return
	}
	if !k.isDone() {
		p.fail(st, "%s still waits", k.name)
	}
	k.claimed = true
	if e.What == "done" {
		if k.err != nil {
			p.fail(st, "%s failed: %v", k.name, k.err)
		}
		return
	}
	if !errors.Is(k.err, errorsByName[e.Word]) {
		p.fail(st, "%s ended with: %v", k.name, k.err)
	}
}

// state is that of the flow's connection; none if the host has no such.
func (p *player) state(f *flow) string {
	s, _ := p.socket(f)
	return s
}

// socket finds the flow's connection in the host's list.
func (p *player) socket(f *flow) (state string, unread int) {
	for _, s := range p.host.Sockets() {
		if int(s.Local.Port()) == f.local && int(s.Remote.Port()) == f.peer && s.State != "" {
			return s.State, s.RecvQ
		}
	}
	return "none", 0
}
