// Package probe asks a running cluster how it is. Standard library only.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"hedgehog-devcluster/internal/credentials"
)

const (
	requestTimeout = 5 * time.Second
	// maxAnswer bounds what is read: the answers are a few hundred bytes.
	maxAnswer = 64 << 10
)

// Client asks one cluster, as its administrator.
type Client struct {
	url  string
	http *http.Client
}

// New prepares a client of the cluster at url. It does not connect yet.
func New(url string, authority credentials.Authority, admin credentials.Pair) (*Client, error) {
	certificate, err := tls.X509KeyPair(admin.Certificate, admin.Key)
	if err != nil {
		return nil, fmt.Errorf("administrator's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.Certificate()) {
		return nil, errors.New("the certificate authority holds no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		DisableKeepAlives: true, // a connection left open would delay the server's end
	}
	return &Client{url: url, http: &http.Client{Transport: transport, Timeout: requestTimeout}}, nil
}

// Ready returns nil if the cluster serves requests, else what it answered.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.get(ctx, "/readyz")
	return err
}

// Version returns the cluster's version, such as v1.36.3.
func (c *Client) Version(ctx context.Context) (string, error) {
	body, err := c.get(ctx, "/version")
	if err != nil {
		return "", err
	}
	var answer struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("read the cluster's version: %w", err)
	}
	return answer.GitVersion, nil
}

func (c *Client) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the cluster: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask the cluster for %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the cluster for %s: %s: %s", path, response.Status, body)
	}
	return body, nil
}
