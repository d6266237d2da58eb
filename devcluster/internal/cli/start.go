package cli

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os/signal"
	"syscall"

	"hedgehog-devcluster/internal/clusterdir"
)

const startDetail = `
Runs in the foreground. As soon as the cluster answers, one line appears on
stdout: the absolute path of the administrator's kubeconfig. SIGTERM or SIGINT
stop it cleanly; a second one ends it at once.

DIR is created when missing and holds everything: etcd's data, certificates,
kubeconfig, pid, log and log.previous. A later start on the same DIR finds the
same objects, certificates and, if it is still free, the same port, also after
kill -9. One process at a time may use a DIR; any number of DIRs run side by side.
A cluster whose DIR is removed ends by itself.

Without --fsync a crash of the machine (not of the process) may cost the last
writes or the whole cluster; development data is cheap, and writes are faster.
`

func startCommand() command {
	return command{
		name:    "start",
		summary: "run the cluster of a directory until it is stopped",
		detail:  startDetail,
		prepare: func(p Program, flags *flag.FlagSet) action {
			cluster := Cluster{}
			dir := dirFlag(flags)
			flags.IntVar(&cluster.Port, "port", 0, "listen on port `N` (default: that of the last start, or any free one)")
			bind := flags.String("bind", "127.0.0.1", "listen on address `IP` (default: 127.0.0.1)")
			flags.BoolVar(&cluster.Fsync, "fsync", false, "wait for the disk at every write (default: no)")
			flags.BoolVar(&cluster.Verbose, "verbose", false, "show the components' log on stderr too")
			return func(ctx context.Context) error {
				var err error
				if cluster.Dir, err = requireDir(*dir); err != nil {
					return err
				}
				if cluster.Bind = net.ParseIP(*bind); cluster.Bind == nil {
					return usageError{fmt.Sprintf("--bind %q is not an IP address", *bind)}
				}
				if cluster.Port < 0 || cluster.Port > 65535 {
					return usageError{fmt.Sprintf("--port %d is not between 0 and 65535", cluster.Port)}
				}
				return p.start(ctx, cluster)
			}
		},
	}
}

func (p Program) start(ctx context.Context, cluster Cluster) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal means "at once"

	cluster.Notice = func(message string) { fmt.Fprintf(p.Stderr, "devcluster start: %s\n", message) }
	cluster.Ready = func() { fmt.Fprintln(p.Stdout, cluster.Dir.Kubeconfig()) }
	return p.Run(ctx, cluster)
}

func dirFlag(flags *flag.FlagSet) *string {
	return flags.String("dir", "", "the cluster's directory `DIR` (required)")
}

func requireDir(path string) (clusterdir.Dir, error) {
	if path == "" {
		return clusterdir.Dir{}, usageError{"--dir DIR is required"}
	}
	return clusterdir.At(path)
}
