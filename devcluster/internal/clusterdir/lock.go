package clusterdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// stopPoll is how often Stop looks whether the process has gone.
const stopPoll = 20 * time.Millisecond

// InUseError says that another process runs the cluster of a directory.
type InUseError struct {
	Dir string
	PID int
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%s is in use by process %d; stop it with 'devcluster stop --dir %s', or use another directory",
		e.Dir, e.PID, e.Dir)
}

// Lock is the right to run the cluster of a directory. It lasts until Release
// or until the process ends, however it ends.
//
// It is a POSIX record lock because the kernel then names the holder: a stale
// file can never make stop hit the wrong process. Its price: closing any
// descriptor of the lock file drops the lock, so a process that holds it must
// not ask for the Holder.
type Lock struct {
	dir  Dir
	file *os.File
}

// Acquire takes the lock of the directory or fails with an InUseError. It never
// waits.
func (d Dir) Acquire() (*Lock, error) {
	file, err := os.OpenFile(d.lockFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock cluster directory: %w", err)
	}
	err = syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, wholeFile())
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		pid, _ := holder(file) // 0 when it ended this very moment
		file.Close()
		return nil, &InUseError{Dir: d.root, PID: pid}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", d.lockFile(), err)
	}
	if err := WriteFile(d.pidFile(), []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		file.Close()
		return nil, err
	}
	return &Lock{dir: d, file: file}, nil
}

// Release gives the lock back and removes the pid file, which is there for
// people and scripts; devcluster itself asks the lock.
func (l *Lock) Release() error {
	err := os.Remove(l.dir.pidFile())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err = errors.Join(err, l.file.Close()); err != nil {
		return fmt.Errorf("release cluster directory: %w", err)
	}
	return nil
}

// Lost tells that the lock no longer guards the directory, because it was
// removed, or removed and made anew.
func (l *Lock) Lost() bool {
	held, err := l.file.Stat()
	if err != nil {
		return true
	}
	present, err := os.Stat(l.dir.lockFile()) // does not open it, see Lock
	return err != nil || !os.SameFile(held, present)
}

// Holder returns the process that runs the cluster of the directory, 0 if none
// does, also when the directory does not exist.
func (d Dir) Holder() (int, error) {
	file, err := os.Open(d.lockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the lock of the cluster directory: %w", err)
	}
	defer file.Close()
	return holder(file)
}

// Stop asks the process that runs the cluster to end and returns once it has
// gone. It returns that process, 0 if the cluster was not running. It never
// kills: a process that is still there after patience is an error.
func (d Dir) Stop(patience time.Duration) (int, error) {
	pid, err := d.Holder()
	if err != nil || pid == 0 {
		return 0, err
	}
	err = syscall.Kill(pid, syscall.SIGTERM)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return pid, fmt.Errorf("stop process %d: %w", pid, err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(stopPoll) {
		current, err := d.Holder()
		if err != nil || current != pid {
			return pid, err
		}
	}
	return pid, fmt.Errorf("process %d is still running %s after SIGTERM; its log is %s", pid, patience, d.Log())
}

func wholeFile() *syscall.Flock_t {
	return &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
}

func holder(file *os.File) (int, error) {
	lock := wholeFile()
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, lock); err != nil {
		return 0, fmt.Errorf("ask for the holder of %s: %w", file.Name(), err)
	}
	if lock.Type == syscall.F_UNLCK {
		return 0, nil
	}
	return int(lock.Pid), nil
}
