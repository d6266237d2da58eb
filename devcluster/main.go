// Command devcluster runs a Kubernetes API for development and tests: etcd and
// kube-apiserver in one process. See README.md.
package main

import (
	"context"
	"os"

	"hedgehog-devcluster/internal/cli"
	"hedgehog-devcluster/internal/controlplane"
)

func main() {
	program := cli.Program{
		Version: controlplane.Version(),
		Run:     run,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
	}
	os.Exit(program.Main(context.Background(), os.Args[1:]))
}

func run(ctx context.Context, cluster cli.Cluster) error {
	options := controlplane.Options{
		Dir:    cluster.Dir,
		Bind:   cluster.Bind,
		Port:   cluster.Port,
		Fsync:  cluster.Fsync,
		Notice: cluster.Notice,
		Ready:  cluster.Ready,
	}
	if cluster.Verbose {
		options.Components = os.Stderr
	}
	return controlplane.Run(ctx, options)
}
