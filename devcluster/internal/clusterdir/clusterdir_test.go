package clusterdir

import (
	"os"
	"path/filepath"
	"testing"
)

// makeDir returns the cluster directory of one test, created.
func makeDir(t *testing.T) Dir {
	t.Helper()
	dir, err := At(filepath.Join(t.TempDir(), "cluster"))
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// A relative path is made absolute: the cluster changes its working directory.
func TestAtIsAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := At("here")
	if err != nil || !filepath.IsAbs(dir.Kubeconfig()) {
		t.Errorf("kubeconfig = %q, error %v", dir.Kubeconfig(), err)
	}
}

// Nobody but the owner looks into a cluster directory, and creating it twice is fine.
func TestCreateIsPrivateAndRepeatable(t *testing.T) {
	dir := makeDir(t)
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{dir.Root(), dir.Credentials(), dir.EtcdData()} {
		state, err := os.Stat(folder)
		if err != nil {
			t.Fatal(err)
		}
		if mode := state.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o", folder, mode)
		}
	}
}

// A file is replaced whole, is private, and leaves no temporary file behind.
func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"a longer first content", "second"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("content = %q, want %q", got, content)
		}
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	state, _ := os.Stat(path)
	if len(entries) != 1 || state.Mode().Perm() != 0o600 {
		t.Errorf("%d files, mode %o", len(entries), state.Mode().Perm())
	}
}

// A new run starts a new log and keeps that of the run before.
func TestOpenLogKeepsThePreviousRun(t *testing.T) {
	dir := makeDir(t)
	for _, line := range []string{"first", "second", "third"} {
		log, err := dir.OpenLog()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.WriteString(line); err != nil {
			t.Fatal(err)
		}
		log.Close()
	}
	if current, previous := read(t, dir.Log()), read(t, dir.PreviousLog()); current != "third" || previous != "second" {
		t.Errorf("log %q, previous %q", current, previous)
	}
}
