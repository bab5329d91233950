package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Names of the files in a lab's folder.
const (
	lockFile   = "lock"
	socketFile = "control"
	caFile     = "ca.pem"
)

// maxSocketPath is what fits sockaddr_un with its terminating zero.
const maxSocketPath = 107

// Dirs lists where labs of the user can be, the first choice first. runtimeDir is $XDG_RUNTIME_DIR; uid is the user's
// number on the machine, even inside a user namespace.
func Dirs(runtimeDir string, uid int) []string {
	var dirs []string
	if filepath.IsAbs(runtimeDir) && owned(runtimeDir) == nil {
		dirs = append(dirs, filepath.Join(runtimeDir, "tapestry"))
	}
	return append(dirs, filepath.Join("/tmp", fmt.Sprintf("tapestry-%d", uid)))
}

// owned gives nil for a folder that is this user's alone.
func owned(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("control: %s is no folder; remove it", dir)
	case int(st.Uid) != os.Getuid():
		return fmt.Errorf("control: %s belongs to another user; remove it, or set XDG_RUNTIME_DIR to a folder of your own", dir)
	case st.Mode&0o077 != 0:
		return fmt.Errorf("control: %s is open to others; run chmod 700 on it", dir)
	}
	return nil
}

// makeDir makes a folder that is this user's alone, or checks that it is.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("control: %w; set XDG_RUNTIME_DIR to a folder of your own, mode 0700", err)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("control: %w", err)
	}
	return owned(dir)
}

// Claim is a lab's folder while the lab runs.
type Claim struct {
	dir  string
	lock *os.File
}

// ErrRunning is what ClaimLab gives for a name that is taken.
var ErrRunning = errors.New("is running already")

// ClaimLab takes the lab's name in the user's folder.
func ClaimLab(dir, name string) (*Claim, error) {
	lab := filepath.Join(dir, name)
	if n := len(filepath.Join(lab, socketFile)); n > maxSocketPath {
		return nil, fmt.Errorf("control: the path of the socket in %s has %d octets, the most is %d; give the lab a shorter name", lab, n, maxSocketPath)
	}
	for range 10 { // another lab that just ends can take a folder away under us
		c, err := claim(dir, lab)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMoved) {
			return c, err
		}
	}
	return nil, fmt.Errorf("control: %s vanishes again and again", lab)
}

var errMoved = errors.New("control: the lock was replaced")

func claim(dir, lab string) (*Claim, error) {
	for _, d := range []string{dir, lab} {
		if err := makeDir(d); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(lab, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := hold(f, path); err != nil {
		f.Close()
		return nil, err
	}
	os.Remove(filepath.Join(lab, socketFile)) // of a lab that died
	return &Claim{dir: lab, lock: f}, nil
}

// hold locks f and writes this process's number into it.
func hold(f *os.File, path string) error {
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("control: lab %q %w (process %d): stop it, or give this one another name",
			filepath.Base(filepath.Dir(path)), ErrRunning, holder(f))
	}
	if err != nil {
		return fmt.Errorf("control: lock %s: %w", path, err)
	}
	a, err1 := f.Stat()
	b, err2 := os.Lstat(path)
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		return errMoved
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

// holder reads the number of the process that wrote a lock; zero if there is none yet.
func holder(f *os.File) int {
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid
}

// SocketPath is where the control socket is.
func (c *Claim) SocketPath() string { return filepath.Join(c.dir, socketFile) }

// CAPath is where the lab's authority goes.
func (c *Claim) CAPath() string { return filepath.Join(c.dir, caFile) }

// Release removes all that the lab left in the folder, and the folders that are empty then.
func (c *Claim) Release() error {
	var errs []error
	for _, name := range []string{socketFile, caFile, lockFile} { // the lock last: it guards the others
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	os.Remove(c.dir)               // another lab may have come already
	os.Remove(filepath.Dir(c.dir)) // not empty while there are others
	return errors.Join(append(errs, c.lock.Close())...)
}

// Running is a lab that runs.
type Running struct {
	Name   string `json:"name"`
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// List gives the labs that run, of all folders.
func List(dirs []string) []Running {
	var all []Running
	for _, dir := range dirs {
		if owned(dir) != nil {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if pid := runningPID(filepath.Join(dir, e.Name(), lockFile)); pid > 0 {
				all = append(all, Running{e.Name(), pid, filepath.Join(dir, e.Name(), socketFile)})
			}
		}
	}
	return all
}

// runningPID gives the process that holds a lock; zero if none does. It asks and takes no lock itself, which a lab that
// starts at that moment would find in its way.
func runningPID(path string) int {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &whole); err != nil || whole.Type == unix.F_UNLCK {
		return 0
	}
	return holder(f)
}
