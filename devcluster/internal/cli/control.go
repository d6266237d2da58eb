package cli

import (
	"context"
	"flag"
	"fmt"
	"time"

	"hedgehog-devcluster/internal/clusterdir"
	"hedgehog-devcluster/internal/credentials"
	"hedgehog-devcluster/internal/probe"
)

// stopPatience is longer than the cluster itself waits for its components.
const stopPatience = time.Minute

func stopCommand() command {
	return command{
		name:    "stop",
		summary: "stop the cluster of a directory and wait until it is gone",
		detail:  "A cluster that is not running is fine (exit status 0). Nothing is deleted.",
		prepare: func(p Program, flags *flag.FlagSet) action {
			path := dirFlag(flags)
			return func(context.Context) error {
				dir, err := requireDir(*path)
				if err != nil {
					return err
				}
				pid, err := dir.Stop(stopPatience)
				if err == nil && pid == 0 {
					fmt.Fprintln(p.Stderr, "devcluster stop: not running")
				}
				return err
			}
		},
	}
}

const statusDetail = `
Prints one line: the state, the URL and, when it runs, the version:

  running https://127.0.0.1:40123 v1.36.3     exit status 0
  unready https://127.0.0.1:40123             exit status 1: it starts, stops or hangs
  stopped https://127.0.0.1:40123             exit status 1: the URL of the last run
  stopped                                     exit status 1: never started
`

func statusCommand() command {
	return command{
		name:    "status",
		summary: "tell whether the cluster of a directory runs, and where",
		detail:  statusDetail,
		prepare: func(p Program, flags *flag.FlagSet) action {
			path := dirFlag(flags)
			return func(ctx context.Context) error {
				dir, err := requireDir(*path)
				if err != nil {
					return err
				}
				return p.status(ctx, dir)
			}
		},
	}
}

func (p Program) status(ctx context.Context, dir clusterdir.Dir) error {
	pid, err := dir.Holder()
	if err != nil {
		return err
	}
	url, err := dir.URL()
	if err != nil {
		url = "" // never started, or starting for the first time
	}
	state, version := "stopped", ""
	if pid != 0 {
		state = "unready"
		if version, err = ask(ctx, dir, url); err == nil {
			state = "running"
		}
	}
	fmt.Fprintln(p.Stdout, joinWords(state, url, version))
	if state != "running" {
		return errNo
	}
	return nil
}

// ask returns the version of a cluster that is ready.
func ask(ctx context.Context, dir clusterdir.Dir, url string) (string, error) {
	authority, admin, err := credentials.Load(dir.Credentials())
	if err != nil {
		return "", err
	}
	client, err := probe.New(url, authority, admin)
	if err != nil {
		return "", err
	}
	if err := client.Ready(ctx); err != nil {
		return "", err
	}
	return client.Version(ctx)
}

func versionCommand() command {
	return command{
		name:    "version",
		summary: "print the versions of Kubernetes and etcd that are built in",
		prepare: func(p Program, _ *flag.FlagSet) action {
			return func(context.Context) error {
				_, err := fmt.Fprintln(p.Stdout, p.Version)
				return err
			}
		},
	}
}
