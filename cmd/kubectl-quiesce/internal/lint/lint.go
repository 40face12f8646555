// Package lint judges policies, scripts, templates and sessions in files, as the API server and the admission of Quiesce would,
// and says in which line and column what is wrong. It needs no cluster.
package lint

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/manifest"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// Formats of the output, beside lines of text.
const (
	formatJSON   = "json"
	formatGitHub = "github"
)

type options struct {
	*command.Frame
	sources manifest.Sources
	output  string
	strict  bool
}

// New returns the command lint.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame}
	c := &cobra.Command{
		Use:   "lint -f FILE...",
		Short: "Check policies, scripts, templates and sessions in files, without a cluster",
		Long: `Check policies, scripts, templates and sessions in files, without a cluster.

All that the API server and the admission of Quiesce would refuse is an error, in the words in which they would say it: fields that
there are not, values of the wrong type, broken rules, commands that cannot run. What would be taken and may not do what its author
believes is a warning. Each is printed with its file, line and column. What refers to scripts and templates is resolved among
the files, and among the templates that come with Quiesce.

Files may hold other objects as well, such as those that kustomize or helm template print; they are passed over.

Exit codes: 0 when nothing is wrong, 1 when there are errors (with --strict: or warnings), 2 when nothing could be checked.`,
		Example: `  # Check the files of a folder
  kubectl quiesce lint -f policies/

  # Check what a chart renders, and take warnings for errors
  helm template shop ./chart | kubectl quiesce lint --strict -f -

  # Show findings in the files of a pull request, from a workflow of GitHub
  kubectl quiesce lint -R -f deploy/ -o github`,
		Args: command.None(": write -f with the path of a file"),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.sources.AddFlags(c.Flags(), "policies, scripts, templates or sessions")
	c.Flags().StringVarP(&o.output, "output", "o", "", "output format: json, or github for the annotations of its workflows; default: a line for each finding")
	c.Flags().BoolVar(&o.strict, "strict", false, "fail for warnings, too")
	must(c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{formatJSON, formatGitHub}, cobra.ShellCompDirectiveNoFileComp)))
	must(c.MarkFlagFilename("filename", "yaml", "yml", "json"))
	return c
}

// must is for what can only fail for a flag that there is not.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (o *options) run(c *cobra.Command) error {
	switch {
	case len(o.sources.Names) == 0:
		return command.UsageErrorf(c, "write the files to check, such as -f policy.yaml, or -f - for the standard input")
	case !slices.Contains([]string{"", formatJSON, formatGitHub}, o.output):
		return command.UsageErrorf(c, "-o %s: write json or github, or leave it out", o.output)
	}
	files, err := o.sources.Read(o.In)
	if err != nil {
		return &command.ExitError{Code: command.ExitUsage, Err: err}
	}
	findings, objects, err := Check(c.Context(), files)
	if err != nil {
		return &command.ExitError{Code: command.ExitUsage, Err: err}
	}
	if objects == 0 && len(findings) == 0 {
		return &command.ExitError{Code: command.ExitUsage, Err: errors.New("there are no objects of quiesce.io in the files: nothing was checked")}
	}
	switch o.output {
	case formatJSON:
		if err := machine(o.Out, findings); err != nil {
			return err
		}
	case formatGitHub:
		github(o.Out, findings)
	default:
		text(o.Out, findings, terminal.Painter(terminal.Of(o.Out).Coloured()))
	}
	fmt.Fprintln(o.ErrOut, summary(findings, objects, len(files)))
	failing := func(f Finding) bool { return o.strict || f.Severity == Error }
	if slices.ContainsFunc(findings, failing) {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}
