package clusterdir

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

var loopback = net.IPv4(127, 0, 0, 1)

func mustListen(t *testing.T, dir Dir, bind net.IP, wanted int) (net.Listener, bool) {
	t.Helper()
	listener, moved, err := dir.Listen(bind, wanted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener, moved
}

func portOf(listener net.Listener) int { return listener.Addr().(*net.TCPAddr).Port }

// The first run takes any free port, the second the same one again.
func TestThePortIsKept(t *testing.T) {
	dir := makeDir(t)
	first, moved := mustListen(t, dir, loopback, 0)
	if moved {
		t.Error("the first port counts as moved")
	}
	first.Close()
	second, moved := mustListen(t, dir, loopback, 0)
	if portOf(second) != portOf(first) || moved {
		t.Errorf("port %d, then %d (moved: %v)", portOf(first), portOf(second), moved)
	}
}

// A kept port that someone else has taken is given up, and that is said.
func TestATakenPortMoves(t *testing.T) {
	dir := makeDir(t)
	taken, _ := mustListen(t, dir, loopback, 0)
	next, moved := mustListen(t, dir, loopback, 0)
	if portOf(next) == portOf(taken) || !moved {
		t.Errorf("port %d, then %d (moved: %v)", portOf(taken), portOf(next), moved)
	}
	if url, _ := dir.URL(); url != "https://"+next.Addr().String() {
		t.Errorf("URL = %s, want that of %s", url, next.Addr())
	}
}

// A port that was asked for is had or refused, never replaced.
func TestAWantedPortIsNotReplaced(t *testing.T) {
	dir := makeDir(t)
	taken, _ := mustListen(t, dir, loopback, 0)
	_, _, err := dir.Listen(loopback, portOf(taken))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error = %v", err)
	}
}

// Clients reach a cluster that listens everywhere through the loopback.
func TestTheURLIsReachable(t *testing.T) {
	dir := makeDir(t)
	mustListen(t, dir, net.IPv4zero, 0)
	if url, err := dir.URL(); err != nil || !strings.HasPrefix(url, "https://127.0.0.1:") {
		t.Errorf("URL = %q, error %v", url, err)
	}
}

// A directory without a cluster says how to make one.
func TestURLBeforeTheFirstStart(t *testing.T) {
	dir := makeDir(t)
	if _, err := dir.URL(); err == nil || !strings.Contains(err.Error(), "devcluster start") {
		t.Errorf("error = %v", err)
	}
}

// A file that was edited into nonsense is named, not guessed around.
func TestAnUnreadableAddressIsReported(t *testing.T) {
	dir := makeDir(t)
	if err := os.WriteFile(dir.urlFile(), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := dir.Listen(loopback, 0); err == nil || !strings.Contains(err.Error(), dir.urlFile()) {
		t.Errorf("error = %v", err)
	}
}
