package credentials

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func makeAuthority(t *testing.T) Authority {
	t.Helper()
	authority, err := NewAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func mustEnsure(t *testing.T, folder string, hosts ...string) Files {
	t.Helper()
	files, _, _, err := Ensure(folder, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// contents returns what each file of folder holds.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(path)] = string(content)
	}
	return found
}

// changed names the files whose content differs.
func changed(before, after map[string]string) []string {
	var names []string
	for name, content := range after {
		if before[name] != content {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func verify(t *testing.T, authority Authority, pair Pair, usage x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	certificate, _, err := parse(pair)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Certificate())
	_, err = certificate.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		t.Error(err)
	}
	return certificate
}

// A client certificate says who its bearer is, in Kubernetes' way.
func TestIssueClient(t *testing.T) {
	authority := makeAuthority(t)
	pair, err := authority.IssueClient("alice", []string{"dev", "ops"})
	if err != nil {
		t.Fatal(err)
	}
	subject := verify(t, authority, pair, x509.ExtKeyUsageClientAuth).Subject
	if subject.CommonName != "alice" || !slices.Equal(subject.Organization, []string{"dev", "ops"}) {
		t.Errorf("subject = %s", subject)
	}
}

// Nobody is nobody.
func TestIssueClientNeedsAName(t *testing.T) {
	if _, err := makeAuthority(t).IssueClient("", nil); err == nil {
		t.Error("a certificate without a user was issued")
	}
}

// A serving certificate covers names and addresses alike.
func TestIssueServer(t *testing.T) {
	authority := makeAuthority(t)
	pair, err := authority.IssueServer([]string{"localhost", "127.0.0.1", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	verify(t, authority, pair, x509.ExtKeyUsageServerAuth)
	if !authority.covers(pair, []string{"localhost", "127.0.0.1", "::1"}) || authority.covers(pair, []string{"elsewhere"}) {
		t.Error("the certificate covers the wrong hosts")
	}
}

// The second start finds what the first one made.
func TestEnsureKeepsWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	mustEnsure(t, folder, "localhost")
	before := contents(t, folder)
	mustEnsure(t, folder, "localhost")
	if len(before) != 7 {
		t.Errorf("files: %v", before)
	}
	if names := changed(before, contents(t, folder)); names != nil {
		t.Errorf("changed: %v", names)
	}
}

// Another address to listen on needs another serving certificate, nothing else.
func TestEnsureCoversANewHost(t *testing.T) {
	folder := t.TempDir()
	mustEnsure(t, folder, "localhost")
	before := contents(t, folder)
	mustEnsure(t, folder, "localhost", "192.0.2.1")
	if names := changed(before, contents(t, folder)); !slices.Equal(names, []string{"server.crt", "server.key"}) {
		t.Errorf("changed: %v", names)
	}
}

// A crash may leave a key without its certificate: the pair is made again.
func TestEnsureRepairsHalfAPair(t *testing.T) {
	folder := t.TempDir()
	files := mustEnsure(t, folder, "localhost")
	before := contents(t, folder)
	if err := os.Remove(files.ServerCertificate); err != nil {
		t.Fatal(err)
	}
	mustEnsure(t, folder, "localhost")
	if names := changed(before, contents(t, folder)); !slices.Equal(names, []string{"server.crt", "server.key"}) {
		t.Errorf("changed: %v", names)
	}
}

// A lost authority takes its certificates with it, but not the key of service
// accounts, whose tokens stay good.
func TestEnsureReplacesALostAuthority(t *testing.T) {
	folder := t.TempDir()
	files := mustEnsure(t, folder, "localhost")
	before := contents(t, folder)
	if err := os.Remove(files.Authority); err != nil {
		t.Fatal(err)
	}
	mustEnsure(t, folder, "localhost")
	want := []string{"admin.crt", "admin.key", "ca.crt", "ca.key", "server.crt", "server.key"}
	if names := changed(before, contents(t, folder)); !slices.Equal(names, want) {
		t.Errorf("changed: %v", names)
	}
}

// Load reads what Ensure made.
func TestLoad(t *testing.T) {
	folder := t.TempDir()
	mustEnsure(t, folder, "localhost")
	authority, admin, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	subject := verify(t, authority, admin, x509.ExtKeyUsageClientAuth).Subject
	if !slices.Equal(subject.Organization, []string{"system:masters"}) {
		t.Errorf("the administrator is %s", subject)
	}
}

// Without credentials there is nothing to load.
func TestLoadBeforeTheFirstStart(t *testing.T) {
	if _, _, err := Load(t.TempDir()); err == nil {
		t.Error("an empty folder holds credentials")
	}
}

// A kubeconfig is private, whole in itself, and survives odd names.
func TestWriteKubeconfig(t *testing.T) {
	authority := makeAuthority(t)
	client, _ := authority.IssueClient("alice", nil)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := WriteKubeconfig(path, "https://127.0.0.1:1", authority, `a: "b" #c`, client); err != nil {
		t.Fatal(err)
	}
	state, _ := os.Stat(path)
	if state.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", state.Mode().Perm())
	}
	content, _ := os.ReadFile(path)
	for key, want := range map[string][]byte{
		"certificate-authority-data": authority.Certificate(),
		"client-certificate-data":    client.Certificate,
		"client-key-data":            client.Key,
	} {
		found := regexp.MustCompile(key + `: (\S+)\n`).FindSubmatch(content)
		if found == nil {
			t.Fatalf("no %s in\n%s", key, content)
		}
		if got, _ := base64.StdEncoding.DecodeString(string(found[1])); !bytes.Equal(got, want) {
			t.Errorf("%s is not what was given", key)
		}
	}
	for _, line := range []string{`    server: "https://127.0.0.1:1"`, `- name: "a: \"b\" #c"`, `    user: "a: \"b\" #c"`} {
		if !bytes.Contains(content, []byte("\n"+line+"\n")) {
			t.Errorf("no line %q in\n%s", line, content)
		}
	}
}
