// Package convert is `kubectl quiesce convert`: hooks of other tools, from files or from a cluster, as policies on stdout.
package convert

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/convert"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ExitLeft is the exit code with --strict where something became no policy.
const ExitLeft = 3

const long = `Make policies of hooks that you have: of Velero (in Backups, Schedules and Restores, or in annotations of pods and
workloads), of NetApp's Trident protect and Astra Control (ExecHooks), of KubeStash (HookTemplates and what refers to them)
and of Stork (Rules and what refers to them).

The policies are written to stdout, and nothing is changed in the cluster. What a policy cannot say stands as a comment
ahead of the field that it is about, with what to do; what became no policy stands at the top, and on stderr. Give what
refers to a template or a Rule too, since it says when the hooks run.

With --cluster, the hooks are those in the cluster, as far as you may read them: in your namespace, in that of -n, or in
all with -A. Pods that Quiesce has stamped, and what belongs to a workload that is converted, are passed over.`

const example = `  # Hooks in files, in directories, or from another command
  kubectl quiesce convert -f schedule.yaml -f hooks/
  kubectl get -n velero schedules.velero.io -o yaml | kubectl quiesce convert -f -

  # What annotations there are on the workloads of a namespace, as policies of its own team
  kubectl quiesce convert --cluster -n shop --namespaced -o policies.yaml

  # Velero's Schedules alone, and fail if one of their hooks became no policy
  kubectl quiesce convert --cluster -n velero schedules.velero.io --strict

  # Rules of Stork that nothing in the input refers to
  kubectl quiesce convert -f rules.yaml --stage PostSnapshot`

type options struct {
	*command.Frame
	files     []string
	recursive bool
	cluster   bool
	all       bool
	strict    bool
	output    string
	mode      string
	stage     string
	into      convert.Options
}

// New returns the command.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame}
	c := &cobra.Command{
		Use:     "convert (-f FILE | --cluster [KIND...])",
		Short:   "Make policies of hooks of Velero, Trident protect, KubeStash and Stork",
		Long:    long,
		Example: example,
		RunE:    o.run,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "A file or directory with the objects, in YAML or JSON; - for stdin. May be repeated.")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "Read directories within those of -f too.")
	flags.BoolVar(&o.cluster, "cluster", false, "Read the objects from the cluster: of all kinds that may have hooks, or of those named.")
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "With --cluster: in all namespaces.")
	flags.BoolVar(&o.into.Namespaced, "namespaced", false, "Make NamespacedHookPolicies, where the hooks name their namespaces.")
	flags.StringVar(&o.mode, "mode", string(v1alpha1.VeleroStamp), "How the hooks come to Velero's backups: Stamp or Session. Those that annotations cannot express get Session anyhow.")
	flags.StringVar(&o.stage, "stage", "", "Stage of Rules and HookTemplates to which nothing in the input refers: "+strings.Join(stageNames(), ", ")+". By default it is guessed by their names.")
	flags.BoolVar(&o.strict, "strict", false, fmt.Sprintf("Exit with code %d when a hook became no policy.", ExitLeft))
	flags.StringVarP(&o.output, "output", "o", "", "Write the policies to this file, and not to stdout.")
	for flag, values := range map[string][]string{"mode": modes, "stage": stageNames()} {
		if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // there is such a flag
		}
	}
	if err := c.MarkFlagFilename("filename", "yaml", "yml", "json"); err != nil {
		panic(err)
	}
	return c
}

const noHooks = "No hooks found."

var modes = []string{string(v1alpha1.VeleroStamp), string(v1alpha1.VeleroSession)}

func stageNames() []string {
	var names []string
	for _, stage := range v1alpha1.Stages {
		names = append(names, string(stage))
	}
	return names
}

func (o *options) run(c *cobra.Command, args []string) error {
	if err := o.check(c, args); err != nil {
		return err
	}
	var sources []convert.Source
	for _, name := range o.files {
		some, err := o.read(name)
		if err != nil {
			return err
		}
		sources = append(sources, some...)
	}
	if o.cluster {
		some, err := o.fromCluster(c, args)
		if err != nil {
			return err
		}
		if len(some) == 0 && len(sources) == 0 {
			fmt.Fprintln(o.ErrOut, noHooks)
			return nil
		}
		sources = append(sources, some...)
	}
	o.into.Sparse = o.cluster && len(o.files) == 0
	result, err := convert.Sources(sources, o.into)
	if err != nil {
		return err
	}
	policies := result.YAML()
	if err := o.write(policies); err != nil {
		return err
	}
	if len(policies) == 0 {
		fmt.Fprintln(o.ErrOut, noHooks)
	}
	for _, left := range result.Left {
		fmt.Fprintf(o.ErrOut, "Not converted: %s.\n", left)
	}
	for _, warning := range result.Warnings {
		fmt.Fprintf(o.ErrOut, "Warning: %s.\n", warning)
	}
	if o.strict && len(result.Left) > 0 {
		return &command.ExitError{Code: ExitLeft}
	}
	return nil
}

// check checks the flags, and takes those with values of ours.
func (o *options) check(c *cobra.Command, args []string) error {
	switch {
	case len(o.files) == 0 && !o.cluster:
		return command.UsageErrorf(c, "write -f with a file that has the hooks, or --cluster for those of the cluster")
	case len(args) > 0 && !o.cluster:
		return command.UsageErrorf(c, "%s: kinds are for --cluster; a file is given by -f", strings.Join(args, " "))
	case o.all && !o.cluster:
		return command.UsageErrorf(c, "-A is for --cluster: files say their namespaces themselves")
	case !slices.Contains(modes, o.mode):
		return command.UsageErrorf(c, "--mode %q: write %s", o.mode, strings.Join(modes, " or "))
	case o.stage != "" && !slices.Contains(stageNames(), o.stage):
		return command.UsageErrorf(c, "--stage %q: write one of %s", o.stage, strings.Join(stageNames(), ", "))
	}
	o.into.Mode, o.into.Stage = v1alpha1.VeleroMode(o.mode), v1alpha1.Stage(o.stage)
	return nil
}

func (o *options) write(policies []byte) error {
	if o.output == "" {
		_, err := o.Out.Write(policies)
		return err
	}
	// Commands may have passwords in them.
	return os.WriteFile(o.output, policies, 0o600)
}
