// Package e2e tests the built devcluster, whose path HEDGEHOG_DEVCLUSTER holds;
// 'build.sh test' sets it. Without it the tests are skipped.
package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	crdPath    = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.com"
	gadgetPath = "/apis/example.com/v1/namespaces/default/gadgets/one"
)

const crd = `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
"metadata": {"name": "gadgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
"names": {"kind": "Gadget", "plural": "gadgets"}, "versions": [{"name": "v1", "served": true, "storage": true,
"schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object",
"properties": {"size": {"type": "integer"}}}}}}}]}}`

const gadget = `{"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": {"size": 7}}`

const gadgetRights = `{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "gadgets"},
"rules": [{"apiGroups": ["example.com"], "resources": ["gadgets"], "verbs": ["get"]}]}`

const gadgetBinding = `{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "gadgets"},
"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gadgets"},
"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}]}`

// One cluster through its whole life; the steps build upon each other.
func TestClusterLife(t *testing.T) {
	life := t                                                     // what a step starts and a later one needs ends with this, not with the step
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40)) // longer than a socket's address may be
	cluster := start(life, dir)
	admin := connect(t, cluster.kubeconfig)

	admin.apply(t, crdPath, crd)
	eventually(t, "the kind is served", func() bool {
		return admin.do(t, http.MethodGet, "/apis/example.com/v1/gadgets", "").status == http.StatusOK
	})
	admin.apply(t, gadgetPath, gadget)
	first := admin.do(t, http.MethodGet, gadgetPath, "")
	expect(t, first.status == http.StatusOK && strings.Contains(first.body, `"size":7`), "read back: %+v", first)

	t.Run("status says that it runs", func(t *testing.T) {
		got := run(t, "status", "--dir", dir)
		expect(t, got.status == 0 && got.stdout == "running "+admin.url+" "+kubernetesVersion(t)+"\n", "%+v", got)
	})
	t.Run("a second start is refused", func(t *testing.T) {
		got := run(t, "start", "--dir", dir)
		expect(t, got.status == 1 && got.stdout == "" &&
			strings.Contains(got.stderr, "in use by process "+strconv.Itoa(cluster.pid())), "%+v", got)
	})
	t.Run("RBAC holds for another user", func(t *testing.T) { tryUser(t, dir, admin) })
	t.Run("another directory runs beside it", func(t *testing.T) {
		other := start(t, t.TempDir())
		stranger := connect(t, other.kubeconfig)
		expect(t, stranger.url != admin.url, "both at %s", admin.url)
		got := stranger.do(t, http.MethodGet, gadgetPath, "")
		expect(t, got.status == http.StatusNotFound, "the other cluster has the object: %+v", got)
	})
	t.Run("kill -9 loses nothing", func(t *testing.T) {
		before := cluster.kubeconfigContent(t)
		cluster.signal(t, syscall.SIGKILL)
		cluster.wait(t)
		got := run(t, "status", "--dir", dir)
		expect(t, got.status == 1 && got.stdout == "stopped "+admin.url+"\n", "%+v", got)

		cluster = start(life, dir)
		expect(t, cluster.kubeconfigContent(t) == before, "the kubeconfig has changed")
		again := admin.do(t, http.MethodGet, gadgetPath, "")
		expect(t, again == first, "before %+v\nafter %+v", first, again)
	})
	t.Run("stop is clean, also under an open watch", func(t *testing.T) {
		watch := admin.watch(t, "/api/v1/namespaces?watch=true")
		defer watch.Close()
		begun := time.Now()
		got := run(t, "stop", "--dir", dir)
		expect(t, got == outcome{}, "%+v", got)
		expect(t, cluster.wait(t) == 0, "exit status %d", cluster.wait(t))
		expect(t, time.Since(begun) < 20*time.Second, "it took %s", time.Since(begun))
		expect(t, run(t, "stop", "--dir", dir).status == 0, "stopping twice fails")
	})
	t.Run("a clean stop loses nothing", func(t *testing.T) {
		cluster = start(life, dir)
		again := admin.do(t, http.MethodGet, gadgetPath, "")
		expect(t, again == first, "before %+v\nafter %+v", first, again)
	})
}

// tryUser gives alice rights through her group and sees that she has no others.
func tryUser(t *testing.T, dir string, admin *client) {
	kubeconfig := filepath.Join(t.TempDir(), "alice")
	got := run(t, "user", "--dir", dir, "--name", "alice", "--group", "readers", "--out", kubeconfig)
	expect(t, got == outcome{}, "%+v", got)
	alice := connect(t, kubeconfig)

	refused := alice.do(t, http.MethodGet, gadgetPath, "")
	expect(t, refused.status == http.StatusForbidden && strings.Contains(refused.body, `User \"alice\"`), "%+v", refused)

	namespaced := "/apis/rbac.authorization.k8s.io/v1/namespaces/default/"
	admin.apply(t, namespaced+"roles/gadgets", gadgetRights)
	admin.apply(t, namespaced+"rolebindings/gadgets", gadgetBinding)
	eventually(t, "alice may read", func() bool {
		return alice.do(t, http.MethodGet, gadgetPath, "").status == http.StatusOK
	})
	written := alice.do(t, http.MethodDelete, gadgetPath, "")
	expect(t, written.status == http.StatusForbidden, "%+v", written)
}

// Nobody could stop a cluster without its directory, so it ends by itself.
func TestARemovedDirectoryEndsItsCluster(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cluster")
	cluster := start(t, dir)
	eventually(t, "the directory is removed, though etcd writes into it", func() bool { return os.RemoveAll(dir) == nil })
	status := cluster.wait(t)
	expect(t, status == 1 && cluster.stderr.String() == "devcluster start: "+dir+" was removed while the cluster ran\n",
		"exit status %d, %s", status, cluster.stderr)
}

// Interrupted at any moment after it took the directory, the cluster ends well and starts again.
func TestStopWhileStarting(t *testing.T) {
	dir := t.TempDir()
	for _, delay := range []time.Duration{0, 300, 1000, 2000} {
		process := launch(t, dir)
		eventually(t, "the pid file is there", func() bool {
			_, err := os.Stat(filepath.Join(dir, "pid"))
			return err == nil
		})
		time.Sleep(delay * time.Millisecond)
		process.signal(t, syscall.SIGTERM)
		status := process.wait(t)
		expect(t, status == 0, "SIGTERM after %d ms: exit status %d, %s", delay, status, process.stderr)
	}
	start(t, dir)
}

// A port that somebody else has is refused at once, in one line.
func TestStartOnATakenPort(t *testing.T) {
	dir := t.TempDir()
	port := takePort(t)
	got := run(t, "start", "--dir", dir, "--port", port)
	expect(t, got.status == 1 && strings.Count(got.stderr, "\n") == 1 &&
		strings.Contains(got.stderr, "address already in use"), "%+v", got)
	_, err := os.Stat(filepath.Join(dir, "kubeconfig"))
	expect(t, err != nil, "it left a kubeconfig")
}
