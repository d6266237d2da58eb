// Package clusterdir knows the directory that a cluster lives in: which file is
// where, who runs the cluster, and at which address.
//
// It uses the standard library only and starts nothing, so that stop, status
// and user work (and are tested) without Kubernetes.
package clusterdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is the directory of one cluster. Everything the cluster keeps is inside,
// so a cluster is removed by removing its directory.
type Dir struct {
	root string
}

// At names the cluster directory at path, which need not exist yet.
func At(path string) (Dir, error) {
	root, err := filepath.Abs(path)
	if err != nil {
		return Dir{}, fmt.Errorf("cluster directory %s: %w", path, err)
	}
	return Dir{root: root}, nil
}

// Create makes the directory and its folders where they are missing. Only the
// owner may look inside: the directory holds private keys and etcd's socket.
func (d Dir) Create() error {
	for _, folder := range []string{d.root, d.Credentials(), d.EtcdData()} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("create cluster directory: %w", err)
		}
	}
	return nil
}

// Root is the absolute path of the directory.
func (d Dir) Root() string { return d.root }

// Kubeconfig is the path of the administrator's kubeconfig.
func (d Dir) Kubeconfig() string { return filepath.Join(d.root, "kubeconfig") }

// Credentials is the folder of certificates and private keys.
func (d Dir) Credentials() string { return filepath.Join(d.root, "credentials") }

// EtcdData is the folder of etcd's data.
func (d Dir) EtcdData() string { return filepath.Join(d.root, "etcd") }

// Log is the path of the log of the current run, or of the last one.
func (d Dir) Log() string { return filepath.Join(d.root, "log") }

// PreviousLog is the path of the log of the run before that of Log.
func (d Dir) PreviousLog() string { return filepath.Join(d.root, "log.previous") }

func (d Dir) lockFile() string { return filepath.Join(d.root, "lock") }

func (d Dir) pidFile() string { return filepath.Join(d.root, "pid") }

func (d Dir) urlFile() string { return filepath.Join(d.root, "url") }

// OpenLog starts the log of a new run and keeps that of the run before, which
// says why it ended.
func (d Dir) OpenLog() (*os.File, error) {
	err := os.Rename(d.Log(), d.PreviousLog())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep the previous log: %w", err)
	}
	file, err := os.OpenFile(d.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return file, nil
}

// WriteFile replaces the file at path as one step and makes it readable by its
// owner alone: whoever reads it meanwhile, or after a crash, finds the old
// content or the new one.
func WriteFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name()) // fails after the rename, as it should
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
