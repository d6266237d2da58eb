package clusterdir

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Listen opens the cluster's port on bind and keeps its URL in the directory.
//
// A wanted port other than 0 is opened or refused. Port 0 means the port of the
// last run, so that the kubeconfig of that run stays valid; if someone else has
// taken it, or on the first run, any free one. moved tells that the kept port
// could not be had again, which invalidates kubeconfigs handed out before.
//
// The listener itself is returned, not its number: nobody can take the port
// between the choice and its use.
func (d Dir) Listen(bind net.IP, wanted int) (listener net.Listener, moved bool, err error) {
	port := wanted
	if port == 0 {
		if port, err = d.keptPort(); err != nil {
			return nil, false, err
		}
	}
	listener, err = listen(bind, port)
	if wanted == 0 && port != 0 && errors.Is(err, syscall.EADDRINUSE) {
		moved = true
		listener, err = listen(bind, 0)
	}
	if err != nil {
		return nil, false, fmt.Errorf("open a port for the cluster: %w", err)
	}
	if err := WriteFile(d.urlFile(), []byte(reachableURL(listener)+"\n")); err != nil {
		listener.Close()
		return nil, false, err
	}
	return listener, moved, nil
}

// URL is where the cluster listens, or listened in its last run. It is an error
// if the directory has never been used.
func (d Dir) URL() (string, error) {
	content, err := os.ReadFile(d.urlFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s holds no cluster yet; create it with 'devcluster start --dir %s'", d.root, d.root)
	}
	if err != nil {
		return "", fmt.Errorf("read the address of the cluster: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// keptPort is the port of the last run, 0 before the first.
func (d Dir) keptPort() (int, error) {
	if _, err := os.Stat(d.urlFile()); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	text, err := d.URL()
	if err != nil {
		return 0, err
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return 0, fmt.Errorf("read the address of the cluster in %s: %w", d.urlFile(), err)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		return 0, fmt.Errorf("%s holds no port: %q", d.urlFile(), text)
	}
	return port, nil
}

func listen(bind net.IP, port int) (net.Listener, error) {
	network := "tcp4" // "tcp" would turn 0.0.0.0 into all addresses of both families
	if bind.To4() == nil {
		network = "tcp6"
	}
	return net.Listen(network, net.JoinHostPort(bind.String(), strconv.Itoa(port)))
}

// reachableURL is the address for clients on this machine: one cannot connect
// to "all addresses", but to the loopback of the same family.
func reachableURL(listener net.Listener) string {
	address := listener.Addr().(*net.TCPAddr)
	host := address.IP
	if host.IsUnspecified() {
		host = net.IPv4(127, 0, 0, 1)
		if address.IP.To4() == nil {
			host = net.IPv6loopback
		}
	}
	return "https://" + net.JoinHostPort(host.String(), strconv.Itoa(address.Port))
}
