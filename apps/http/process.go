package http

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
	"unicode"
)

// process is a program that runs, the leader of a group of processes.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File // nil: nothing to send
	stdout *os.File
	stderr *os.File

	exited   chan struct{} // closed when it was reaped; err is set then
	err      error
	fed      chan struct{} // closed when nobody writes to stdin any more
	stopFeed func()        // ends a read of what is sent to stdin
	drained  chan struct{} // closed when text is complete
	text     []byte        // of stderr

	mu    sync.Mutex
	freed bool // its number may be another's now
}

// start starts cmd with its standard streams on pipes. stopFeed ends a read of in, which can be nil, that waits.
func start(cmd *exec.Cmd, in io.Reader, stopFeed func()) (*process, error) {
	p := &process{
		cmd: cmd, stopFeed: stopFeed,
		exited: make(chan struct{}), fed: make(chan struct{}), drained: make(chan struct{}),
	}
	theirs, err := p.connect(in != nil)
	defer closeAll(theirs)
	if err == nil {
		ownGroup(cmd)
		err = cmd.Start()
	}
	if err != nil {
		closeAll([]*os.File{p.stdin, p.stdout, p.stderr})
		return nil, err
	}
	go p.drain()  // ends when the last writer is gone, or at a deadline that finish sets
	go p.feed(in) // ends when the program has it all or is gone, or when finish stops it
	go p.reap()   // ends with the program
	return p, nil // finish waits for all three
}

// connect makes the pipes, and gives the ends that are the program's.
func (p *process) connect(input bool) (theirs []*os.File, err error) {
	if p.stdout, p.cmd.Stdout, err = outPipe(&theirs); err != nil {
		return theirs, err
	}
	if p.stderr, p.cmd.Stderr, err = outPipe(&theirs); err != nil || !input {
		return theirs, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.cmd.Stdin, p.stdin = r, w
	return append(theirs, r), nil
}

func outPipe(theirs *[]*os.File) (*os.File, io.Writer, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	*theirs = append(*theirs, w)
	return r, w, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // pipes
		}
	}
}

func (p *process) feed(in io.Reader) {
	defer close(p.fed)
	if p.stdin != nil {
		_, err := io.Copy(p.stdin, in) // a program need not read what it is sent
		_ = p.stdin.Close()
		if err != nil {
			_, _ = io.Copy(io.Discard, in) // but the client is to see the reply, and the connection to go on
		}
	}
}

// drain keeps the beginning of standard error and reads the rest away.
func (p *process) drain() {
	defer close(p.drained)
	p.text, _ = io.ReadAll(io.LimitReader(p.stderr, maxStderr)) // what came counts
	_, _ = io.Copy(io.Discard, p.stderr)
}

// reap waits for the exit, and takes the group along before the number is free.
func (p *process) reap() {
	if awaitExit(p.cmd.Process.Pid) {
		p.kill()
		p.mu.Lock()
		p.freed = true
		p.mu.Unlock()
	}
	p.err = p.cmd.Wait()
	close(p.exited)
}

// kill ends the group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.freed {
		killGroup(p.cmd)
	}
}

// abort ends the program and the reading of its output, which a process that left the group may hold open.
func (p *process) abort() {
	p.kill()
	_ = p.stdout.Close()
}

// finish returns when the program and everything that was started for it is gone. If all is well it may take a moment
// to end by itself.
func (p *process) finish(well bool) {
	if well {
		t := time.NewTimer(processGrace)
		select {
		case <-p.exited:
		case <-t.C:
		}
		t.Stop()
	}
	p.abort()
	<-p.exited
	p.endFeed()
	_ = p.stderr.SetReadDeadline(time.Now().Add(processGrace)) // a process that left the group may hold it open
	<-p.drained
	_ = p.stderr.Close()
}

// endFeed gives the client a while to send the rest.
func (p *process) endFeed() {
	if p.stdin == nil {
		return
	}
	_ = p.stdin.Close() // ends a write
	t := time.AfterFunc(feedGrace, p.stopFeed)
	defer t.Stop()
	<-p.fed
}

// complaint gives what the program wrote to standard error.
func (p *process) complaint() string {
	printable := func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return '?'
	}
	return strings.TrimSpace(strings.Map(printable, string(p.text)))
}
