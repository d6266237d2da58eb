package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hedgehog-devcluster/internal/clusterdir"
	"hedgehog-devcluster/internal/credentials"
)

// outcome is all that a caller sees of one run.
type outcome struct {
	status int
	stdout string
	stderr string
}

// run runs the command line with a cluster that is what becomes of it.
func run(cluster func(Cluster) error, arguments ...string) outcome {
	var stdout, stderr bytes.Buffer
	program := Program{
		Version: "kubernetes v1.2.3",
		Run:     func(_ context.Context, c Cluster) error { return cluster(c) },
		Stdout:  &stdout,
		Stderr:  &stderr,
	}
	status := program.Main(context.Background(), arguments)
	return outcome{status: status, stdout: stdout.String(), stderr: stderr.String()}
}

func noCluster(Cluster) error { return errors.New("no cluster was asked for") }

// Wrong use is one line that says what is wrong and where help is: status 2.
func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		arguments string
		stderr    string
	}{
		{"", "devcluster: no command given; see 'devcluster --help'"},
		{"begin", "devcluster begin: there is no such command; see 'devcluster --help'"},
		{"start", "devcluster start: --dir DIR is required; see 'devcluster start --help'"},
		{"stop", "devcluster stop: --dir DIR is required; see 'devcluster stop --help'"},
		{"status", "devcluster status: --dir DIR is required; see 'devcluster status --help'"},
		{"start --dir", "devcluster start: flag needs an argument: --dir; see 'devcluster start --help'"},
		{"start --dri x", "devcluster start: flag provided but not defined: --dri; see 'devcluster start --help'"},
		{"start --dir x y", `devcluster start: unexpected argument "y"; see 'devcluster start --help'`},
		{"start --dir x --bind localhost", `devcluster start: --bind "localhost" is not an IP address; see 'devcluster start --help'`},
		{"start --dir x --port 65536", "devcluster start: --port 65536 is not between 0 and 65535; see 'devcluster start --help'"},
		{"user --dir " + dir, "devcluster user: --name NAME is required; see 'devcluster user --help'"},
		{"user --dir " + dir + " --name x", "devcluster user: --out FILE is required; see 'devcluster user --help'"},
		{"version 1", `devcluster version: unexpected argument "1"; see 'devcluster version --help'`},
	} {
		got := run(noCluster, strings.Fields(c.arguments)...)
		if want := (outcome{status: 2, stderr: c.stderr + "\n"}); got != want {
			t.Errorf("devcluster %s:\n got %+v\nwant %+v", c.arguments, got, want)
		}
	}
}

// Help names every command, and each command's help its flags, on stdout.
func TestHelp(t *testing.T) {
	for _, word := range []string{"help", "--help", "-h"} {
		got := run(noCluster, word)
		if got.status != 0 || got.stderr != "" {
			t.Errorf("%s: %+v", word, got)
		}
		for _, command := range commands() {
			if !strings.Contains(got.stdout, "\n  "+command.name+" ") {
				t.Errorf("%s does not name %s", word, command.name)
			}
		}
	}
	for command, flags := range map[string][]string{
		"start":   {"--bind IP", "--dir DIR", "--fsync", "--port N", "--verbose"},
		"stop":    {"--dir DIR"},
		"status":  {"--dir DIR"},
		"user":    {"--dir DIR", "--group GROUP", "--name NAME", "--out FILE"},
		"version": nil,
	} {
		got := run(noCluster, command, "--help")
		if got.status != 0 || got.stderr != "" || !strings.HasPrefix(got.stdout, "devcluster "+command+": ") {
			t.Errorf("%s --help: %+v", command, got)
		}
		for _, flag := range flags {
			if !strings.Contains(got.stdout, "\n  "+flag+" ") {
				t.Errorf("%s --help does not tell of %s", command, flag)
			}
		}
	}
}

// start hands its arguments over and, once ready, prints the kubeconfig alone.
func TestStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	var asked Cluster
	got := run(func(cluster Cluster) error {
		asked = cluster
		cluster.Notice("mind this")
		cluster.Ready()
		return nil
	}, "start", "--dir", dir, "--port", "6443", "--bind", "::1", "--fsync", "--verbose")

	want := outcome{stdout: filepath.Join(dir, "kubeconfig") + "\n", stderr: "devcluster start: mind this\n"}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if asked.Port != 6443 || asked.Bind.String() != "::1" || !asked.Fsync || !asked.Verbose || asked.Dir.Root() != dir {
		t.Errorf("asked for %+v", asked)
	}
}

// Unless told otherwise the cluster listens on the loopback, where it did before.
func TestStartDefaults(t *testing.T) {
	var asked Cluster
	run(func(cluster Cluster) error { asked = cluster; return nil }, "start", "--dir", t.TempDir())
	if asked.Port != 0 || asked.Bind.String() != "127.0.0.1" || asked.Fsync || asked.Verbose {
		t.Errorf("asked for %+v", asked)
	}
}

// A failure is one line, too, however many causes it has: status 1.
func TestStartFails(t *testing.T) {
	got := run(func(Cluster) error { return errors.Join(errors.New("one"), errors.New("two")) }, "start", "--dir", "x")
	if want := (outcome{status: 1, stderr: "devcluster start: one; two\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Stopping what does not run is no failure.
func TestStopWhatDoesNotRun(t *testing.T) {
	got := run(noCluster, "stop", "--dir", t.TempDir())
	if want := (outcome{stderr: "devcluster stop: not running\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A cluster that never ran is stopped: status 1, and that is an answer, no error.
func TestStatusOfNothing(t *testing.T) {
	got := run(noCluster, "status", "--dir", t.TempDir())
	if want := (outcome{status: 1, stdout: "stopped\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// makeStopped returns the directory of a cluster that ran at url.
func makeStopped(t *testing.T) (path, url string) {
	t.Helper()
	dir, _ := clusterdir.At(t.TempDir())
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	listener, _, err := dir.Listen([]byte{127, 0, 0, 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if _, _, _, err := credentials.Ensure(dir.Credentials(), nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	url, _ = dir.URL()
	return dir.Root(), url
}

// A stopped cluster still has its address.
func TestStatusOfAStoppedCluster(t *testing.T) {
	path, url := makeStopped(t)
	got := run(noCluster, "status", "--dir", path)
	if want := (outcome{status: 1, stdout: "stopped " + url + "\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A user's kubeconfig can be had while the cluster is stopped.
func TestUser(t *testing.T) {
	path, url := makeStopped(t)
	out := filepath.Join(t.TempDir(), "alice.kubeconfig")
	got := run(noCluster, "user", "--dir", path, "--name", "alice", "--group", "dev", "--group", "ops", "--out", out)
	if got != (outcome{}) {
		t.Errorf("got %+v", got)
	}
	content, err := os.ReadFile(out)
	if err != nil || !strings.Contains(string(content), url) || !strings.Contains(string(content), `"alice"`) {
		t.Errorf("error %v, kubeconfig\n%s", err, content)
	}
}

// Before the first start there is nothing to sign with.
func TestUserBeforeTheFirstStart(t *testing.T) {
	got := run(noCluster, "user", "--dir", t.TempDir(), "--name", "alice", "--out", filepath.Join(t.TempDir(), "out"))
	if got.status != 1 || !strings.Contains(got.stderr, "devcluster start --dir") {
		t.Errorf("got %+v", got)
	}
}

// version prints what was built in.
func TestVersion(t *testing.T) {
	if got := run(noCluster, "version"); got != (outcome{stdout: "kubernetes v1.2.3\n"}) {
		t.Errorf("got %+v", got)
	}
}
