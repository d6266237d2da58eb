// Package credentials makes and keeps the certificates and keys of a cluster
// and the kubeconfigs that carry them. Standard library only.
//
// All of them are for a development cluster: they live as long as its
// certificate authority, ten years, and nothing rotates or revokes them.
package credentials

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	lifetime = 10 * 365 * 24 * time.Hour
	// backdated forgives clocks that differ between host and container.
	backdated = time.Hour
)

// Pair is a certificate and its private key, both as PEM.
type Pair struct {
	Certificate []byte
	Key         []byte
}

// Authority is the certificate authority of one cluster.
type Authority struct {
	pair        Pair
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes a certificate authority that starts at now.
func NewAuthority(now time.Time) (Authority, error) {
	key, err := newKey()
	if err != nil {
		return Authority{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "devcluster-ca"},
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	pair, err := sign(template, template, key, key)
	if err != nil {
		return Authority{}, fmt.Errorf("make certificate authority: %w", err)
	}
	return parseAuthority(pair)
}

// Certificate is the authority's certificate, by which clients know the server
// and the server its clients.
func (a Authority) Certificate() []byte { return a.pair.Certificate }

// IssueServer makes a serving certificate for hosts, names or IP addresses.
func (a Authority) IssueServer(hosts []string) (Pair, error) {
	template := a.leaf(pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth)
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.issue(template)
}

// IssueClient makes a certificate by which Kubernetes knows its bearer as user
// in groups. Anything may be asked for, also system:masters: whoever can read
// the authority's key is the cluster's master anyway.
func (a Authority) IssueClient(user string, groups []string) (Pair, error) {
	if user == "" {
		return Pair{}, errors.New("a client certificate needs a user name")
	}
	return a.issue(a.leaf(pkix.Name{CommonName: user, Organization: groups}, x509.ExtKeyUsageClientAuth))
}

func (a Authority) leaf(subject pkix.Name, usage x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		Subject:     subject,
		NotBefore:   a.certificate.NotBefore,
		NotAfter:    a.certificate.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
}

func (a Authority) issue(template *x509.Certificate) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	pair, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("issue certificate for %s: %w", template.Subject, err)
	}
	return pair, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate private key: %w", err)
	}
	return key, nil
}

func sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey, parentKey crypto.Signer) (Pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Pair{}, fmt.Errorf("choose serial number: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return Pair{}, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         keyPEM,
	}, nil
}

// encodeKey writes the one format in which kube-apiserver also finds the public
// half, by which it checks service account tokens.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// parseAuthority also checks that certificate and key belong together.
func parseAuthority(pair Pair) (Authority, error) {
	certificate, key, err := parse(pair)
	if err != nil {
		return Authority{}, err
	}
	return Authority{pair: pair, certificate: certificate, key: key}, nil
}
