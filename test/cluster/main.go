// Command cluster runs a real one-node Kubernetes on a bare Linux machine, from binaries built out of Go modules, with
// no container engine, no registry and no virtual machine. See README.md beside it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: go run -C test/cluster . COMMAND

  up [--velero] [--node-agent] [--kwok] [--csi]
                   start the cluster, or what is missing of it, and wait until it is ready
  stop [--kill] PART
                   end one part, until the next up; with --kill it is given no time
  down             stop it all and remove everything it made on this machine; caches stay
  status           a table of the parts; exit code 1 when one is dead
  kubeconfig       print the path of the administrator's kubeconfig
  assets           print a folder with etcd, kube-apiserver and kubectl, for envtest's KUBEBUILDER_ASSETS
  bin NAME         print the path of a pinned binary (kubectl, velero, …), building it when missing
  load IMAGE...    give images to the cluster: a docker-archive or OCI tar, or a recipe: %s

QUIESCE_CACHE    where binaries and images are kept (default: the user's cache folder + /quiesce)
QUIESCE_CLUSTER  where the running cluster lives (default: QUIESCE_CACHE + /cluster)
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if len(args) == 0 {
		return wrongUse("no command given")
	}
	l, err := findLayout()
	if err != nil {
		return err
	}
	command, rest := args[0], args[1:]
	wanted, onlyOptional := parseOptional(rest)
	switch {
	case command == "up" && onlyOptional:
		return up(ctx, l, wanted)
	case command == "stop" && len(rest) == 1:
		return stop(l, rest[0], stopPatience)
	case command == "stop" && len(rest) == 2 && rest[0] == "--kill":
		return stop(l, rest[1], 0)
	case command == "down" && len(rest) == 0:
		return down(ctx, l)
	case command == "status" && len(rest) == 0:
		return status(os.Stdout, l)
	case command == "kubeconfig" && len(rest) == 0:
		return printKubeconfig(os.Stdout, l)
	case command == "assets" && len(rest) == 0:
		return printAssets(ctx, os.Stdout, l)
	case command == "bin" && len(rest) == 1:
		return printBinary(ctx, os.Stdout, l, rest[0])
	case command == "load" && len(rest) > 0:
		return load(ctx, l, rest)
	case command == "help" || command == "-h" || command == "--help":
		fmt.Printf(usage, recipeNames())
		return nil
	}
	return wrongUse(fmt.Sprintf("cannot make sense of %q", args))
}

func wrongUse(what string) error {
	return errors.New(what + "\n" + fmt.Sprintf(usage, recipeNames()))
}
