// Package controlplane runs etcd and kube-apiserver inside this process.
//
// It is the only package that imports Kubernetes or etcd.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	etcdversion "go.etcd.io/etcd/api/v3/version"
	componentversion "k8s.io/component-base/version"

	"hedgehog-devcluster/internal/clusterdir"
	"hedgehog-devcluster/internal/credentials"
)

// directoryPoll is how often the cluster looks whether its directory is there.
const directoryPoll = 2 * time.Second

// Options say which cluster to run, and how.
type Options struct {
	Dir clusterdir.Dir
	// Bind is the address to listen on.
	Bind net.IP
	// Port 0 means the port of the last run, or a free one.
	Port int
	// Fsync makes writes survive a crash of the machine, not only of the process.
	Fsync bool
	// Components also receives the log of etcd and kube-apiserver; nil means
	// that it goes to the log file alone.
	Components io.Writer
	// Notice is told what the user should know although the cluster runs.
	Notice func(message string)
	// Ready is called once, when the cluster answers requests.
	Ready func()
}

// Version names the versions built in.
func Version() string {
	return fmt.Sprintf("kubernetes %s, etcd v%s", componentversion.Get().GitVersion, etcdversion.Version)
}

// Run runs the cluster until ctx ends, and returns nil if that was the only
// reason to stop. It changes the working directory to the cluster's, sets
// process-wide logging, and so can run once in a process.
func Run(ctx context.Context, options Options) (err error) {
	dir := options.Dir
	if err := dir.Create(); err != nil {
		return err
	}
	lock, err := dir.Acquire()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	log, err := dir.OpenLog()
	if err != nil {
		return err
	}
	defer log.Close()
	componentLog := io.Writer(log)
	if options.Components != nil {
		componentLog = io.MultiWriter(log, options.Components)
	}

	listener, moved, err := dir.Listen(options.Bind, options.Port)
	if err != nil {
		return err
	}
	defer listener.Close()
	access, err := prepareAccess(dir, options.Bind)
	if err != nil {
		return err
	}
	if moved {
		options.Notice("the port of the last run is taken; the cluster is now at " + access.url +
			", issue kubeconfigs again that 'devcluster user' wrote")
	}
	if err := os.Chdir(dir.Root()); err != nil {
		return fmt.Errorf("enter cluster directory: %w", err)
	}
	cluster := cluster{Options: options, lock: lock, listener: listener, access: access, log: componentLog}
	return cluster.serve(ctx)
}

// access is all that the server and its clients need to trust each other.
type access struct {
	url       string
	files     credentials.Files
	authority credentials.Authority
	admin     credentials.Pair
}

// prepareAccess completes the credentials and writes the kubeconfig.
func prepareAccess(dir clusterdir.Dir, bind net.IP) (access, error) {
	url, err := dir.URL()
	if err != nil {
		return access{}, err
	}
	hosts := []string{"127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	if bind.IsUnspecified() {
		hosts = append(hosts, ownAddresses()...)
	} else {
		hosts = append(hosts, bind.String())
	}
	files, authority, admin, err := credentials.Ensure(dir.Credentials(), hosts, time.Now())
	if err != nil {
		return access{}, err
	}
	err = credentials.WriteKubeconfig(dir.Kubeconfig(), url, authority, credentials.Administrator, admin)
	return access{url: url, files: files, authority: authority, admin: admin}, err
}

// ownAddresses are the machine's names and addresses, as far as it tells.
func ownAddresses() []string {
	var found []string
	if name, err := os.Hostname(); err == nil {
		found = append(found, name)
	}
	addresses, _ := net.InterfaceAddrs()
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLinkLocalUnicast() {
			found = append(found, network.IP.String())
		}
	}
	return found
}

// cluster is all that a run has made ready.
type cluster struct {
	Options
	lock     *clusterdir.Lock
	listener net.Listener
	access   access
	log      io.Writer
}

// serve runs etcd and, inside its lifetime, the API server.
func (c *cluster) serve(ctx context.Context) error {
	if err := logTo(ctx, c.log); err != nil {
		return err
	}
	etcd, err := startEtcd(ctx, c.Dir.EtcdData(), c.Fsync, c.log)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer etcd.Close()

	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case err := <-etcd.Err():
			fail(fmt.Errorf("etcd failed: %w", err))
		case <-running.Done():
		}
	}()
	go c.watchDirectory(running, fail)
	go func() {
		if err := waitReady(running, c.access); err != nil {
			fail(err)
		} else if running.Err() == nil {
			c.Ready()
		}
	}()
	err = startAPIServer(running, c.listener, c.access).wait(running)
	if ctx.Err() != nil {
		return nil // asked to end; what the components say on their way out is in the log
	}
	return errors.Join(err, context.Cause(running))
}

// watchDirectory fails the cluster when its directory is removed: its data is
// gone, and 'devcluster stop' could never find it again.
func (c *cluster) watchDirectory(running context.Context, fail context.CancelCauseFunc) {
	for {
		select {
		case <-running.Done():
			return
		case <-time.After(directoryPoll):
			if c.lock.Lost() {
				fail(fmt.Errorf("%s was removed while the cluster ran", c.Dir.Root()))
				return
			}
		}
	}
}
