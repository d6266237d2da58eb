package clusterdir

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A record lock belongs to a process, so its tests need a second one: this test
// binary, told by these variables to hold a lock instead of testing.
const (
	holdVariable     = "DEVCLUSTER_TEST_HOLD"
	stubbornVariable = "DEVCLUSTER_TEST_STUBBORN"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(holdVariable); root != "" {
		hold(root)
		return
	}
	os.Exit(m.Run())
}

func hold(root string) {
	if os.Getenv(stubbornVariable) != "" {
		signal.Ignore(syscall.SIGTERM)
	}
	dir, err := At(root)
	if err == nil {
		_, err = dir.Acquire()
	}
	fmt.Println("held", err)
	time.Sleep(time.Minute) // the test ends it sooner
}

// startHolder starts a process that holds the lock of dir.
func startHolder(t *testing.T, dir Dir, environment ...string) *exec.Cmd {
	t.Helper()
	process := exec.Command(os.Args[0])
	process.Env = append(append(os.Environ(), holdVariable+"="+dir.Root()), environment...)
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Process.Kill(); process.Wait() })
	if line, _ := bufio.NewReader(output).ReadString('\n'); line != "held <nil>\n" {
		t.Fatalf("the holder says %q", line)
	}
	return process
}

// A directory in use is refused, and the refusal names process and way out.
func TestAcquireRefusesADirectoryInUse(t *testing.T) {
	dir := makeDir(t)
	holder := startHolder(t, dir)
	_, err := dir.Acquire()
	inUse := &InUseError{}
	if !errors.As(err, &inUse) || inUse.PID != holder.Process.Pid {
		t.Fatalf("error = %v, want one that names process %d", err, holder.Process.Pid)
	}
	if !strings.Contains(err.Error(), "devcluster stop --dir "+dir.Root()) {
		t.Errorf("no way out in %q", err)
	}
}

// A killed process leaves its pid file behind, but no lock.
func TestKillFreesTheLock(t *testing.T) {
	dir := makeDir(t)
	holder := startHolder(t, dir)
	holder.Process.Kill()
	holder.Wait()
	if pid, err := dir.Holder(); pid != 0 || err != nil {
		t.Errorf("holder = %d, error %v", pid, err)
	}
	if stale := read(t, dir.pidFile()); stale != strconv.Itoa(holder.Process.Pid)+"\n" {
		t.Errorf("pid file = %q", stale)
	}
	if pid, err := dir.Stop(time.Second); pid != 0 || err != nil {
		t.Errorf("Stop with a stale pid = %d, %v", pid, err)
	}
	lock, err := dir.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	if own := read(t, dir.pidFile()); own != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("pid file = %q", own)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir.pidFile()); err == nil {
		t.Error("the pid file outlives the release")
	}
}

// A lock is lost with its directory, also when another one takes its place.
func TestALockIsLostWithItsDirectory(t *testing.T) {
	dir := makeDir(t)
	lock, err := dir.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if lock.Lost() {
		t.Error("lost at once")
	}
	os.RemoveAll(dir.Root())
	if !lock.Lost() {
		t.Error("not lost with the directory")
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	startHolder(t, dir)
	if !lock.Lost() {
		t.Error("not lost to another directory")
	}
}

// Stop ends the process that runs the cluster and returns when it has gone.
func TestStopWaits(t *testing.T) {
	dir := makeDir(t)
	holder := startHolder(t, dir)
	go holder.Wait() // a zombie would have given its lock back, too
	pid, err := dir.Stop(10 * time.Second)
	if pid != holder.Process.Pid || err != nil {
		t.Fatalf("Stop = %d, %v; want %d", pid, err, holder.Process.Pid)
	}
	if pid, _ := dir.Holder(); pid != 0 {
		t.Errorf("process %d still holds the lock", pid)
	}
}

// A process that ignores the signal is reported, not killed.
func TestStopGivesUp(t *testing.T) {
	dir := makeDir(t)
	holder := startHolder(t, dir, stubbornVariable+"=1")
	if _, err := dir.Stop(100 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("error = %v", err)
	}
	if pid, _ := dir.Holder(); pid != holder.Process.Pid {
		t.Errorf("holder = %d, want %d", pid, holder.Process.Pid)
	}
}

// What was never there is not running.
func TestNobodyHoldsAMissingDirectory(t *testing.T) {
	dir, _ := At(t.TempDir() + "/missing")
	if pid, err := dir.Holder(); pid != 0 || err != nil {
		t.Errorf("holder = %d, error %v", pid, err)
	}
}
