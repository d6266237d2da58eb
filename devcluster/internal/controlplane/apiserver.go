package controlplane

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// shutdownPatience is how long the API server may take to finish requests
// before etcd is closed under it. Its own limit is a minute.
const shutdownPatience = 10 * time.Second

// watchPatience is how long open watches may take to end; they do at once.
const watchPatience = 2 * time.Second

// apiServer is a running kube-apiserver.
type apiServer struct {
	done chan error
}

// startAPIServer starts the API server on listener; it runs until ctx ends.
func startAPIServer(ctx context.Context, listener net.Listener, access access) *apiServer {
	server := &apiServer{done: make(chan error, 1)}
	go func() { server.done <- runAPIServer(ctx, listener, access) }()
	return server
}

// wait returns when the API server has ended, or shutdownPatience after ctx. It
// returns an error only if the server ended before ctx did.
func (s *apiServer) wait(ctx context.Context) error {
	select {
	case err := <-s.done:
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errors.New("it ended unasked")
		}
		return fmt.Errorf("run kube-apiserver: %w", err)
	case <-ctx.Done():
	}
	select {
	case <-s.done:
	case <-time.After(shutdownPatience):
	}
	return nil
}

func runAPIServer(ctx context.Context, listener net.Listener, access access) error {
	rest.SetDefaultWarningHandler(rest.NoWarnings{}) // the server need not warn itself

	server := apiserveroptions.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, section := range server.Flags().FlagSets {
		flags.AddFlagSet(section)
	}
	arguments, err := apiServerArguments(access)
	if err != nil {
		return err
	}
	if err := flags.Parse(arguments); err != nil {
		return fmt.Errorf("flags: %w", err)
	}
	server.SecureServing.Listener = listener
	if err := server.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("feature gates: %w", err)
	}
	completed, err := server.Complete(ctx)
	if err != nil {
		return fmt.Errorf("complete options: %w", err)
	}
	if problems := completed.Validate(); len(problems) != 0 {
		return fmt.Errorf("options: %w", utilerrors.NewAggregate(problems))
	}
	return app.Run(ctx, completed)
}

// apiServerArguments are kube-apiserver's own flags: everything that differs
// from its defaults, and why.
func apiServerArguments(access access) ([]string, error) {
	parsed, err := url.Parse(access.url)
	if err != nil {
		return nil, fmt.Errorf("address of the cluster: %w", err)
	}
	return []string{
		"--etcd-servers=" + etcdClientSocket,
		"--authorization-mode=RBAC",
		// No controller manager runs: nobody would make the service accounts
		// that this plugin demands.
		"--disable-admission-plugins=ServiceAccount",

		"--tls-cert-file=" + access.files.ServerCertificate,
		"--tls-private-key-file=" + access.files.ServerKey,
		"--client-ca-file=" + access.files.Authority,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + access.files.ServiceAccountKey,
		"--service-account-key-file=" + access.files.ServiceAccountKey,

		// The default, made explicit: a later release may choose another, and
		// the services in etcd must lie inside.
		"--service-cluster-ip-range=10.0.0.0/24",

		// The default looks for a network interface, and a machine may have
		// none. No pod will ever use the endpoints of the service "kubernetes",
		// which may not be loopback addresses, so there are none.
		"--advertise-address=127.0.0.1",
		"--external-hostname=" + parsed.Hostname(),
		"--endpoint-reconciler-type=none",

		// By default nobody tells open watches to end, and they hold up the
		// server's end until it loses patience.
		"--shutdown-watch-termination-grace-period=" + watchPatience.String(),
	}, nil
}

// logTo sends klog to log, each line once. When the end of ctx interrupts the
// start, kube-apiserver may call that fatal; it is what was asked for, so the
// process then ends well.
func logTo(ctx context.Context, log io.Writer) error {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{
		"logtostderr":     "false",
		"one_output":      "true",
		"stderrthreshold": "FATAL",
	} {
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("logging: %w", err)
		}
	}
	klog.SetOutput(log)
	exit := klog.OsExit
	klog.OsExit = func(code int) {
		if ctx.Err() != nil {
			code = 0
		}
		exit(code)
	}
	return nil
}
