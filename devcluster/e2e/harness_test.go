package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is ample for a loaded machine.
const patience = 3 * time.Minute

// outcome is what one command left.
type outcome struct {
	status int
	stdout string
	stderr string
}

// answer is what the API server said.
type answer struct {
	status int
	body   string
}

func expect(t *testing.T, claim bool, format string, values ...any) {
	t.Helper()
	if !claim {
		t.Fatalf(format, values...)
	}
}

func eventually(t *testing.T, claim string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		expect(t, time.Now().Before(deadline), "it never came true that %s", claim)
	}
}

func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HEDGEHOG_DEVCLUSTER")
	if path == "" {
		t.Skip("HEDGEHOG_DEVCLUSTER names no built devcluster; 'build.sh test' does")
	}
	return path
}

// run runs one command of devcluster to its end.
func run(t *testing.T, arguments ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.Command(binary(t), arguments...)
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	failed := &exec.ExitError{}
	expect(t, err == nil || errors.As(err, &failed), "%v", err)
	return outcome{status: command.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

func kubernetesVersion(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`kubernetes (v\S+),`).FindStringSubmatch(run(t, "version").stdout)
	expect(t, found != nil, "devcluster version tells no version")
	return found[1]
}

// process is a running 'devcluster start'.
type process struct {
	command    *exec.Cmd
	stdout     *bufio.Reader
	stderr     *bytes.Buffer
	done       chan int
	kubeconfig string
}

// launch starts a cluster without waiting for it; it ends with the test.
func launch(t *testing.T, dir string) *process {
	t.Helper()
	p := &process{command: exec.Command(binary(t), "start", "--dir", dir), stderr: &bytes.Buffer{}, done: make(chan int, 1)}
	p.command.Stderr = p.stderr
	output, writer, err := os.Pipe()
	expect(t, err == nil, "%v", err)
	p.command.Stdout = writer
	p.stdout = bufio.NewReader(output)
	expect(t, p.command.Start() == nil, "cannot start %s", p.command)
	writer.Close()
	go func() {
		p.command.Wait()
		p.done <- p.command.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { p.command.Process.Kill(); p.wait(t); output.Close() })
	return p
}

// start starts a cluster and waits until it is ready.
func start(t *testing.T, dir string) *process {
	t.Helper()
	begun := time.Now()
	p := launch(t, dir)
	line, _ := p.stdout.ReadString('\n')
	p.kubeconfig = strings.TrimSuffix(line, "\n")
	expect(t, p.kubeconfig == dir+"/kubeconfig", "stdout says %q, stderr %s", line, p.stderr)
	t.Logf("ready after %s", time.Since(begun).Round(10*time.Millisecond))
	return p
}

func (p *process) pid() int { return p.command.Process.Pid }

func (p *process) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	expect(t, p.command.Process.Signal(signal) == nil, "cannot signal process %d", p.pid())
}

// wait returns the exit status, -1 if a signal ended the process.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case status := <-p.done:
		p.done <- status // for the next who asks
		return status
	case <-time.After(patience):
		t.Fatalf("process %d does not end", p.pid())
		return -1
	}
}

func (p *process) kubeconfigContent(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(p.kubeconfig)
	expect(t, err == nil, "%v", err)
	return string(content)
}

// client is an HTTP client of one cluster, as one user.
type client struct {
	url  string
	http *http.Client
}

// connect reads a kubeconfig as devcluster writes it.
func connect(t *testing.T, kubeconfig string) *client {
	t.Helper()
	content, err := os.ReadFile(kubeconfig)
	expect(t, err == nil, "%v", err)
	value := func(key string) string {
		found := regexp.MustCompile(key + `: (\S+)`).FindSubmatch(content)
		expect(t, found != nil, "no %s in %s", key, kubeconfig)
		return string(found[1])
	}
	data := func(key string) []byte {
		decoded, err := base64.StdEncoding.DecodeString(value(key))
		expect(t, err == nil, "%s: %v", key, err)
		return decoded
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data("certificate-authority-data"))
	own, err := tls.X509KeyPair(data("client-certificate-data"), data("client-key-data"))
	expect(t, err == nil, "%v", err)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}},
		DisableKeepAlives: true,
	}
	return &client{url: strings.Trim(value("server"), `"`), http: &http.Client{Transport: transport}}
}

func (c *client) request(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	expect(t, err == nil, "%v", err)
	request.Header.Set("Content-Type", "application/apply-patch+yaml") // for PATCH; others send no body
	response, err := c.http.Do(request)
	expect(t, err == nil, "%v", err)
	return response
}

func (c *client) do(t *testing.T, method, path, body string) answer {
	t.Helper()
	response := c.request(t, method, path, body)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	expect(t, err == nil, "%v", err)
	return answer{status: response.StatusCode, body: string(content)}
}

// apply creates or changes an object by server-side apply.
func (c *client) apply(t *testing.T, path, object string) {
	t.Helper()
	got := c.do(t, http.MethodPatch, path+"?fieldManager=e2e", object)
	expect(t, got.status == http.StatusCreated || got.status == http.StatusOK, "apply %s: %+v", path, got)
}

// watch opens a watch and returns once it runs.
func (c *client) watch(t *testing.T, path string) io.Closer {
	t.Helper()
	response := c.request(t, http.MethodGet, path, "")
	expect(t, response.StatusCode == http.StatusOK, "watch %s: %s", path, response.Status)
	return response.Body
}

// takePort occupies a port until the test ends.
func takePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	expect(t, err == nil, "%v", err)
	t.Cleanup(func() { listener.Close() })
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
