// Package cli is the command line of devcluster. Standard library only: the
// cluster itself comes as a function, so that arguments are tested without it.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"hedgehog-devcluster/internal/clusterdir"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Cluster says which cluster Program.Run is to run, and how.
type Cluster struct {
	Dir     clusterdir.Dir
	Bind    net.IP
	Port    int
	Fsync   bool
	Verbose bool
	Notice  func(message string)
	Ready   func()
}

// Program is devcluster, with its surroundings as values.
type Program struct {
	Version string
	// Run runs a cluster until the context ends.
	Run    func(context.Context, Cluster) error
	Stdout io.Writer
	Stderr io.Writer
}

// command is one word after devcluster.
type command struct {
	name    string
	summary string
	detail  string
	// prepare declares the flags and returns what to do once they are parsed.
	prepare func(Program, *flag.FlagSet) action
}

type action func(context.Context) error

// usageError is a command line that makes no sense: exit status 2.
type usageError struct{ reason string }

func (e usageError) Error() string { return e.reason }

// errNo is an answer, not a failure: exit status 1 without a message.
var errNo = errors.New("no")

func commands() []command {
	return []command{startCommand(), stopCommand(), statusCommand(), userCommand(), versionCommand()}
}

// Main runs the command line and returns the exit status: 0, 1 for a failure, 2
// for wrong use. A failure is one line on stderr.
func (p Program) Main(ctx context.Context, arguments []string) int {
	name, err := "", error(nil)
	switch {
	case len(arguments) == 0:
		err = usageError{"no command given"}
	case isHelp(arguments[0]):
		p.printHelp()
	default:
		name, err = arguments[0], p.runCommand(ctx, arguments[0], arguments[1:])
	}
	return p.report(name, err)
}

func (p Program) runCommand(ctx context.Context, name string, arguments []string) error {
	for _, command := range commands() {
		if command.name != name {
			continue
		}
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		act := command.prepare(p, flags)
		err := flags.Parse(arguments)
		switch {
		case errors.Is(err, flag.ErrHelp):
			p.printCommandHelp(command, flags)
			return nil
		case err != nil:
			return usageError{strings.ReplaceAll(err.Error(), ": -", ": --")}
		case flags.NArg() > 0:
			return usageError{fmt.Sprintf("unexpected argument %q", flags.Arg(0))}
		}
		return act(ctx)
	}
	return usageError{"there is no such command"}
}

func (p Program) report(name string, err error) int {
	prefix := strings.TrimSpace("devcluster " + name)
	wrong := usageError{}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitFailed
	case errors.As(err, &wrong):
		hint := prefix
		if !known(name) {
			hint = "devcluster"
		}
		fmt.Fprintf(p.Stderr, "%s: %s; see '%s --help'\n", prefix, wrong.reason, hint)
		return exitUsage
	default:
		fmt.Fprintf(p.Stderr, "%s: %s\n", prefix, strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitFailed
	}
}

func isHelp(word string) bool {
	return word == "help" || word == "-h" || word == "-help" || word == "--help"
}

func known(name string) bool {
	for _, command := range commands() {
		if command.name == name {
			return true
		}
	}
	return false
}
