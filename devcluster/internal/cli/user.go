package cli

import (
	"context"
	"flag"
	"strings"

	"hedgehog-devcluster/internal/clusterdir"
	"hedgehog-devcluster/internal/credentials"
)

const userDetail = `
Writes a kubeconfig to FILE (readable by its owner alone) by which its reader is
NAME, a member of each GROUP. Without RBAC bindings that user may see what the
API offers and do nothing. It works while the cluster is stopped, too, and every
call issues another certificate; none can be revoked, only bindings removed.

The kubeconfig holds the cluster's present URL: issue it again when a start says
that the port has changed.
`

func userCommand() command {
	return command{
		name:    "user",
		summary: "write a kubeconfig for another user, to try RBAC",
		detail:  userDetail,
		prepare: func(_ Program, flags *flag.FlagSet) action {
			path := dirFlag(flags)
			name := flags.String("name", "", "the user's `NAME` (required)")
			out := flags.String("out", "", "the `FILE` to write (required)")
			var groups words
			flags.Var(&groups, "group", "a `GROUP` the user is in; may be repeated")
			return func(context.Context) error {
				dir, err := requireDir(*path)
				switch {
				case err != nil:
					return err
				case *name == "":
					return usageError{"--name NAME is required"}
				case *out == "":
					return usageError{"--out FILE is required"}
				}
				return issueUser(dir, *name, groups, *out)
			}
		},
	}
}

func issueUser(dir clusterdir.Dir, name string, groups []string, out string) error {
	url, err := dir.URL()
	if err != nil {
		return err
	}
	authority, _, err := credentials.Load(dir.Credentials())
	if err != nil {
		return err
	}
	client, err := authority.IssueClient(name, groups)
	if err != nil {
		return err
	}
	return credentials.WriteKubeconfig(out, url, authority, name, client)
}

// words collects the values of a flag that may be repeated.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(word string) error {
	*w = append(*w, word)
	return nil
}

// joinWords joins what there is.
func joinWords(all ...string) string {
	present := all[:0:0]
	for _, word := range all {
		if word != "" {
			present = append(present, word)
		}
	}
	return strings.Join(present, " ")
}
