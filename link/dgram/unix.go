package dgram

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
)

// maxPath is the longest path of a Unix socket on Linux (sockaddr_un, without the final zero).
const maxPath = 107

// Socket is a Unix datagram socket with a file, which Close removes.
type Socket struct {
	*net.UnixConn
	path  string
	file  fs.FileInfo
	close sync.Once
	err   error
}

// ListenUnix makes a Unix datagram socket at path, which its owner alone may send to: the file has mode 0600 from the
// moment it is there. A socket file that nobody listens at any more is replaced; any other file, and a socket in use,
// is an error.
func ListenUnix(path string) (*Socket, error) {
	if path == "" || len(path) > maxPath {
		return nil, fmt.Errorf("dgram: a socket's path has 1 to %d octets, %q has %d", maxPath, path, len(path))
	}
	conn, err := bind(path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err = removeStale(path); err == nil {
			conn, err = bind(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dgram: %w", err)
	}
	file, err := os.Lstat(path)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("dgram: %w", err)
	}
	return &Socket{UnixConn: conn, path: path, file: file}, nil
}

func bind(path string) (*net.UnixConn, error) {
	c := net.ListenConfig{Control: private}
	conn, err := c.ListenPacket(context.Background(), "unixgram", path)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// removeStale removes the socket file of a process that has ended.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is no socket: choose another path", path)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%s is in use by another process: %w", path, syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("%s is not a datagram socket of ours: %w", path, err)
}

// Close closes the socket and removes its file, if that is still the one that was made.
func (s *Socket) Close() error {
	s.close.Do(func() {
		now, err := os.Lstat(s.path)
		if err == nil && os.SameFile(now, s.file) && now.ModTime().Equal(s.file.ModTime()) { // numbers of files are used again
			err = os.Remove(s.path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		s.err = errors.Join(s.UnixConn.Close(), err)
	})
	return s.err
}
