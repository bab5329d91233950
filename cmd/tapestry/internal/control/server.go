package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Handler carries a request out. It gives its results to send, and returns early when ctx ends: the client is gone.
type Handler func(ctx context.Context, r Request, send func(any) error) error

// Server answers on a lab's socket.
type Server struct {
	listener *net.UnixListener
	handlers map[string]Handler
	log      *slog.Logger
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	slots    chan struct{}
}

// Serve answers requests on a socket made at path until Close.
func Serve(path string, handlers map[string]Handler, log *slog.Logger) (*Server, error) {
	l, err := listen(path)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, handlers: handlers, log: log, slots: make(chan struct{}, maxSessions)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.running.Go(s.accept) // ends when Close closes the listener
	return s, nil
}

// listen makes the socket. Its folder is the user's alone, so nobody connects before the mode is set.
func listen(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("control: %w", err)
	}
	return l, nil
}

// Close ends all sessions and waits for them.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, for one
			s.log.Warn("control socket", "error", err)
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		select {
		case s.slots <- struct{}{}:
			s.running.Go(func() { // ends with the client or with Close
				defer func() { <-s.slots }()
				s.session(c)
			})
		default:
			refuse(c, "the lab has too many control sessions; end some")
		}
	}
}

func refuse(c net.Conn, text string) {
	c.SetWriteDeadline(time.Now().Add(writeTime))
	json.NewEncoder(c).Encode(answer{Error: text})
	c.Close()
}

// session serves one connection.
func (s *Server) session(c *net.UnixConn) {
	if err := checkPeer(c); err != nil {
		s.log.Warn("control connection refused", "error", err)
		refuse(c, err.Error())
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer cancel()

	c.SetReadDeadline(time.Now().Add(requestTime))
	r := bufio.NewReaderSize(c, MaxRequest+1)
	line, err := r.ReadSlice('\n')
	if err != nil {
		refuse(c, fmt.Sprintf("control: no request line of at most %d octets: %v", MaxRequest, err))
		return
	}
	req, err := ParseRequest(line)
	c.SetReadDeadline(time.Time{})
	s.running.Go(func() { // ends with the connection
		defer cancel()
		io.Copy(io.Discard, r) // returns when the client closes
	})
	if err == nil {
		err = s.handle(ctx, req, func(v any) error { return s.send(c, v) })
	}
	last := answer{Done: true}
	if err != nil {
		last = answer{Error: err.Error()}
	}
	c.SetWriteDeadline(time.Now().Add(writeTime))
	json.NewEncoder(c).Encode(last)
}

// handle ends a request that panics, and nothing else.
func (s *Server) handle(ctx context.Context, r Request, send func(any) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("control request panicked", "op", r.Op, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("control: %s failed inside the lab: see its log", r.Op)
		}
	}()
	h, ok := s.handlers[r.Op]
	if !ok {
		return fmt.Errorf("control: the lab knows no %q; is it of another version?", r.Op)
	}
	return h(ctx, r, send)
}

func (s *Server) send(c net.Conn, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.SetWriteDeadline(time.Now().Add(writeTime))
	return json.NewEncoder(c).Encode(answer{Data: b})
}

// checkPeer asks the kernel who is there. Inside a user namespace everyone but the lab's user is "nobody".
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if credErr != nil {
		return credErr
	}
	if int(cred.Uid) != os.Getuid() {
		return fmt.Errorf("control: the lab serves the user who started it alone")
	}
	return nil
}
