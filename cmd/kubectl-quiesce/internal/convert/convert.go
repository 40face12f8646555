// Package convert is `kubectl quiesce convert`: hooks of other tools, from files or from a cluster, as policies on standard output.
package convert

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/fileflag"
	"github.com/quiesce-io/quiesce/hooks/convert"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// ExitLeft is the exit code with --strict where something became no policy.
const ExitLeft = 3

const long = `Convert hooks that you have to policies: of Velero (in Backups, Schedules and Restores, or in annotations of pods and
workloads), of NetApp's Trident protect and Astra Control (ExecHooks), of KubeStash (HookTemplates and what refers to
them) and of Stork (Rules and what refers to them).

The policies are written to standard output, and nothing is changed in the cluster. What a policy cannot say is a
comment ahead of the field that it is about, with what to do. Hooks that became no policy are listed at the top, and on
standard error. Give the objects that refer to a template or a Rule too: they say when the hooks run.

With --cluster, the hooks are those in the cluster, as far as you may read them: in your namespace, in that of -n, or in
all with -A. Pods that Quiesce has stamped, and what belongs to a workload that is converted, are passed over.

Exit codes: 0; 1 when something cannot be read or written; 2 when the command line makes no sense; with --strict, 3 when
a hook became no policy.`

const example = `  # Hooks in files, in directories, or from another command
  kubectl quiesce convert -f schedule.yaml -f hooks/
  kubectl get -n velero schedules.velero.io -o yaml | kubectl quiesce convert -f -

  # Annotations on the workloads of a namespace, as policies of its own team
  kubectl quiesce convert --cluster -n shop --namespaced --output-file policies.yaml

  # Velero's Schedules alone, and fail if one of their hooks became no policy
  kubectl quiesce convert --cluster -n velero schedules.velero.io --strict

  # Rules of Stork that nothing in the input refers to
  kubectl quiesce convert -f rules.yaml --stage PostSnapshot`

type options struct {
	*command.Frame
	sources fileflag.Sources
	cluster bool
	all     bool
	strict  bool
	// output is the path of a file; empty for standard output.
	output string
	force  bool
	mode   string
	stage  string
	into   convert.Options
}

// New returns the command.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame, mode: string(v1alpha1.VeleroStamp)}
	c := &cobra.Command{
		Use:     "convert (-f FILE | --cluster [KIND...])",
		Short:   "Convert hooks of Velero, Trident protect, KubeStash and Stork to policies",
		Long:    long,
		Example: example,
		RunE:    o.run,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := c.Flags()
	o.sources.AddFlags(c, "the objects that have hooks")
	flags.BoolVar(&o.cluster, "cluster", false, "Read the objects from the cluster: of all kinds that may have hooks, or of those named.")
	command.AllNamespacesFlag(flags, &o.all, "With --cluster, objects")
	flags.BoolVar(&o.into.Namespaced, "namespaced", false, "Make NamespacedHookPolicies, where the hooks name their namespaces.")
	command.Choice(c, &o.mode, "mode", "", "How the hooks get to Velero's backups, which is Session for those that annotations cannot express.", modes...)
	command.Choice(c, &o.stage, "stage", "", "Stage of Rules and HookTemplates to which nothing in the input refers, in place of a guess by their names.", stageNames()...)
	flags.BoolVar(&o.strict, "strict", false, fmt.Sprintf("Exit with code %d when a hook became no policy.", ExitLeft))
	flags.StringVar(&o.output, "output-file", "", "Write the policies to this file, which only you may read, since commands may contain passwords. Without it, they go to standard output.")
	flags.BoolVar(&o.force, "force", false, "Overwrite the file of --output-file if it exists.")
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
	if err := o.mayWrite(); err != nil {
		return err
	}
	sources, err := o.read(c, args)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		fmt.Fprintln(o.ErrOut, noHooks)
		return nil
	}
	o.into.Sparse = o.cluster
	result, err := convert.Sources(sources, o.into)
	if err != nil {
		return err
	}
	made := len(result.Policies) + len(result.Scripts) + len(result.Templates)
	switch {
	case made > 0 || o.output == "":
		if err := o.write(result.YAML()); err != nil {
			return err
		}
	default:
		fmt.Fprintf(o.ErrOut, "Not written: %s, since there is no policy to write.\n", o.output)
	}
	if made+len(result.Left) == 0 {
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

// read reads the objects from the files, or from the cluster, in which there may be none.
func (o *options) read(c *cobra.Command, args []string) (sources []convert.Source, err error) {
	if o.cluster {
		return o.fromCluster(c, args)
	}
	contents, err := o.sources.Contents(o.In)
	for _, content := range contents {
		sources = append(sources, convert.Source{Name: content.Name, Content: content.Bytes})
	}
	return sources, err
}

// check checks the flags, and takes those with values of ours.
func (o *options) check(c *cobra.Command, args []string) error {
	switch {
	case len(o.sources.Names) == 0 && !o.cluster:
		return command.UsageErrorf(c, "write -f with a file that has the hooks, or --cluster for those of the cluster")
	case len(o.sources.Names) > 0 && o.cluster:
		return command.UsageErrorf(c, "write -f for the hooks of files, or --cluster for those of the cluster, not both")
	case len(args) > 0 && !o.cluster:
		return command.UsageErrorf(c, "%s: kinds are for --cluster; a file is given by -f", strings.Join(args, " "))
	case o.all && !o.cluster:
		return command.UsageErrorf(c, "-A is for --cluster: files say their namespaces themselves")
	case o.force && o.output == "":
		return command.UsageErrorf(c, "--force is for --output-file: write the path of the file")
	}
	o.into.Mode, o.into.Stage = v1alpha1.VeleroMode(o.mode), v1alpha1.Stage(o.stage)
	return o.sources.Check(c)
}
