package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hedgehog-devcluster/internal/credentials"
)

// serve answers with handler as a cluster does, and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	authority, err := credentials.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, _ := authority.IssueServer([]string{"127.0.0.1"})
	certificate, _ := tls.X509KeyPair(own.Certificate, own.Key)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority.Certificate())

	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
	}
	server.StartTLS()
	t.Cleanup(server.Close)

	admin, _ := authority.IssueClient("admin", nil)
	client, err := New(server.URL, authority, admin)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A cluster that answers is ready and says its version.
func TestAReadyCluster(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			fmt.Fprint(w, `{"major": "1", "gitVersion": "v1.2.3"}`)
		}
	})
	if err := client.Ready(context.Background()); err != nil {
		t.Error(err)
	}
	if version, err := client.Version(context.Background()); version != "v1.2.3" || err != nil {
		t.Errorf("version = %q, error %v", version, err)
	}
}

// A cluster that is still starting is not ready, and its reason is passed on.
func TestAStartingCluster(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "[-]etcd failed", http.StatusInternalServerError)
	})
	if err := client.Ready(context.Background()); err == nil || !strings.Contains(err.Error(), "[-]etcd failed") {
		t.Errorf("error = %v", err)
	}
}

// Nobody listens: an error, not a hang.
func TestAStoppedCluster(t *testing.T) {
	client := serve(t, nil)
	client.url = "https://127.0.0.1:1"
	if err := client.Ready(context.Background()); err == nil {
		t.Error("a cluster that is not there is ready")
	}
}
