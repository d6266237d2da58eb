package cli

import (
	"flag"
	"fmt"
	"strings"
)

const programHelp = `devcluster runs a Kubernetes API for development and tests: etcd and
kube-apiserver in one process, RBAC on. There are no nodes and no controllers:
objects are stored, validated, watched and authorised, nothing else happens.

Usage:
  devcluster COMMAND --dir DIR [flags]

Commands:
%s
'devcluster COMMAND --help' tells more about one.
Exit status: 0 done, 1 failed (or, for status, not running), 2 wrong use.
`

func (p Program) printHelp() {
	var list strings.Builder
	for _, command := range commands() {
		fmt.Fprintf(&list, "  %-9s %s\n", command.name, command.summary)
	}
	fmt.Fprintf(p.Stdout, programHelp, list.String())
}

func (p Program) printCommandHelp(command command, flags *flag.FlagSet) {
	fmt.Fprintf(p.Stdout, "devcluster %s: %s\n", command.name, command.summary)
	if command.detail != "" {
		fmt.Fprintf(p.Stdout, "\n%s\n", strings.TrimSpace(command.detail))
	}
	heading := "\nFlags:\n"
	flags.VisitAll(func(declared *flag.Flag) {
		value, usage := flag.UnquoteUsage(declared)
		fmt.Fprintf(p.Stdout, "%s  %-14s %s\n", heading, strings.TrimSpace("--"+declared.Name+" "+value), usage)
		heading = ""
	})
}
