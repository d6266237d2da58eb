package credentials

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"hedgehog-devcluster/internal/clusterdir"
)

// Administrator is the user of the cluster's own kubeconfig.
const Administrator = "devcluster-admin"

const mastersGroup = "system:masters"

// Files are the paths that the API server is started with.
type Files struct {
	Authority         string
	ServerCertificate string
	ServerKey         string
	ServiceAccountKey string
}

// Ensure returns the credentials of the cluster in folder, and the
// administrator's certificate. Whatever is missing is made; whatever is there
// is kept, so that kubeconfigs outlive restarts. Only a serving certificate
// that does not cover hosts is replaced, and half a pair, as a crash leaves it.
func Ensure(folder string, hosts []string, now time.Time) (Files, Authority, Pair, error) {
	authority, err := ensureAuthority(folder, now)
	if err != nil {
		return Files{}, Authority{}, Pair{}, err
	}
	_, err = ensurePair(folder, "server", func(pair Pair) bool { return authority.covers(pair, hosts) },
		func() (Pair, error) { return authority.IssueServer(hosts) })
	if err != nil {
		return Files{}, Authority{}, Pair{}, err
	}
	admin, err := ensurePair(folder, "admin", authority.signed,
		func() (Pair, error) { return authority.IssueClient(Administrator, []string{mastersGroup}) })
	if err != nil {
		return Files{}, Authority{}, Pair{}, err
	}
	files := Files{
		Authority:         certificateFile(folder, "ca"),
		ServerCertificate: certificateFile(folder, "server"),
		ServerKey:         keyFile(folder, "server"),
		ServiceAccountKey: keyFile(folder, "service-account"),
	}
	return files, authority, admin, ensureKey(files.ServiceAccountKey)
}

// Load reads the authority and the administrator's certificate of a cluster
// that has been started before.
func Load(folder string) (Authority, Pair, error) {
	pair, err := readPair(folder, "ca")
	if err != nil {
		return Authority{}, Pair{}, err
	}
	authority, err := parseAuthority(pair)
	if err != nil {
		return Authority{}, Pair{}, fmt.Errorf("%s: %w", certificateFile(folder, "ca"), err)
	}
	admin, err := readPair(folder, "admin")
	return authority, admin, err
}

func ensureAuthority(folder string, now time.Time) (Authority, error) {
	pair, err := ensurePair(folder, "ca",
		func(pair Pair) bool { _, err := parseAuthority(pair); return err == nil },
		func() (Pair, error) { authority, err := NewAuthority(now); return authority.pair, err })
	if err != nil {
		return Authority{}, err
	}
	return parseAuthority(pair)
}

// ensurePair returns the pair called name if it is there and good, or else
// makes it and keeps it.
func ensurePair(folder, name string, good func(Pair) bool, make func() (Pair, error)) (Pair, error) {
	pair, err := readPair(folder, name)
	if err == nil && good(pair) {
		return pair, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Pair{}, err
	}
	if pair, err = make(); err != nil {
		return Pair{}, err
	}
	if err := clusterdir.WriteFile(keyFile(folder, name), pair.Key); err != nil {
		return Pair{}, err
	}
	return pair, clusterdir.WriteFile(certificateFile(folder, name), pair.Certificate)
}

// ensureKey keeps the key at path, with which service account tokens are
// signed, or makes it.
func ensureKey(path string) error {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return err
	}
	return clusterdir.WriteFile(path, encoded)
}

func readPair(folder, name string) (Pair, error) {
	certificate, err := os.ReadFile(certificateFile(folder, name))
	if err != nil {
		return Pair{}, fmt.Errorf("read credentials: %w", err)
	}
	key, err := os.ReadFile(keyFile(folder, name))
	if err != nil {
		return Pair{}, fmt.Errorf("read credentials: %w", err)
	}
	return Pair{Certificate: certificate, Key: key}, nil
}

// signed tells whether pair is whole and from this authority.
func (a Authority) signed(pair Pair) bool {
	certificate, _, err := parse(pair)
	return err == nil && certificate.CheckSignatureFrom(a.certificate) == nil
}

func (a Authority) covers(pair Pair, hosts []string) bool {
	if !a.signed(pair) {
		return false
	}
	certificate, _, _ := parse(pair) // signed has parsed it
	for _, host := range hosts {
		if certificate.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func parse(pair Pair) (*x509.Certificate, crypto.Signer, error) {
	both, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("read certificate: %w", err)
	}
	key, ok := both.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, nil, errors.New("read certificate: its private key cannot sign")
	}
	return both.Leaf, key, nil
}

func certificateFile(folder, name string) string { return filepath.Join(folder, name+".crt") }

func keyFile(folder, name string) string { return filepath.Join(folder, name+".key") }
