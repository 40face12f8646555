// Package lint judges policies, scripts, templates and sessions in files, as the API server and the admission of Quiesce would,
// and says in which line and column what is wrong. It needs no cluster.
package lint

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/fileflag"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// Formats of the output, beside lines of text.
const (
	formatJSON   = "json"
	formatGitHub = "github"
)

type options struct {
	*command.Frame
	sources fileflag.Sources
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

Errors are what the API server or the admission webhook of Quiesce would refuse: unknown fields, values of the wrong
type, broken rules, commands that cannot run. Warnings are what would be accepted and may not do what its author
believes. Each is printed with its file, line and column, all that can be found at once. References to scripts and
templates are resolved among the files, and among the templates that come with Quiesce.

Files may contain other objects as well, such as those that kustomize or helm template print; they are ignored.

Exit codes: 0 when nothing is wrong, 1 when there are errors (with --strict: or warnings) or nothing could be checked, 2
when the command line makes no sense.`,
		Example: `  # Check the files of a directory
  kubectl quiesce lint -f policies/

  # Check what a chart renders, and fail for warnings as well
  helm template shop ./chart | kubectl quiesce lint --strict -f -

  # Show findings in the files of a pull request, from a workflow of GitHub
  kubectl quiesce lint -R -f deploy/ -o github`,
		Args: command.None(": write -f with the path of a file"),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.sources.AddFlags(c, "policies, scripts, templates or sessions")
	command.Choice(c, &o.output, "output", "o", "Output format in place of a line for each finding, github for the annotations of its workflows.", formatJSON, formatGitHub)
	c.Flags().BoolVar(&o.strict, "strict", false, "Fail for warnings as well.")
	return c
}

func (o *options) run(c *cobra.Command) error {
	if len(o.sources.Names) == 0 {
		return command.UsageErrorf(c, "write the files to check, such as -f policy.yaml, or -f - for standard input")
	}
	if err := o.sources.Check(c); err != nil {
		return err
	}
	files, err := o.sources.Read(o.In)
	if err != nil {
		return err
	}
	verdict, err := check(c.Context(), files)
	if err != nil {
		return err
	}
	findings := verdict.findings
	if verdict.objects == 0 && len(findings) == 0 {
		return errors.New("there are no objects of quiesce.io in the files: nothing was checked")
	}
	switch o.output {
	case formatJSON:
		if err := machine(o.Out, findings); err != nil {
			return err
		}
	case formatGitHub:
		github(o.Out, findings)
	default:
		plain(o.Out, findings, terminal.Painter(terminal.Of(o.Out).Coloured()))
	}
	fmt.Fprintln(o.ErrOut, verdict.summary())
	failing := func(f Finding) bool { return o.strict || f.Severity == Error }
	if slices.ContainsFunc(findings, failing) {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}
