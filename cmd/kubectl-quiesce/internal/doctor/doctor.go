// Package doctor looks at an installation of Quiesce and at what depends on it, and says what is wrong and what to do. Facts are
// gathered once, with the rights of whoever asks; each check is a function of them.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version"
)

// limit is how long all of it may take: a webhook that does not answer alone takes 5 s.
const limit = time.Minute

type options struct {
	*command.Frame
	allNamespaces bool
	strict        bool
	output        string
}

// New returns the command doctor.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame}
	c := &cobra.Command{
		Use:   "doctor [-A | -n NAMESPACE]",
		Short: "Say what is wrong with Quiesce, and what to do",
		Long: `Say what is wrong with Quiesce, and what to do.

Looks at the cluster, the release, its webhooks and certificates, namespaces, policies, pods, sessions, Velero and rights,
with your own rights: what you may not see is reported as unknown, and not as wrong. It changes nothing. One policy and one pod
are sent to the API server with dry run, to see that the webhook is asked and answers.

Without -n, policies, pods and sessions of all namespaces are looked at, or of your current one where you may not see all.

Each finding is an error (something does not work), a warning (something should be looked at), unknown (you may not see it), a
note, or ok. Errors and warnings are listed again at the end.
Exit codes: 0 without errors, 1 with errors, or with warnings where --strict is given.`,
		Example: `  # Is everything well?
  kubectl quiesce doctor

  # In one namespace, with the rights of its team
  kubectl quiesce doctor -n shop

  # In a pipeline: fail on warnings too, and keep what was found
  kubectl quiesce doctor --strict -o json > doctor.json

  # The errors alone
  kubectl quiesce doctor -o json | jq -r '.findings[] | select(.severity == "error") | .message'`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	command.AllNamespacesFlag(c.Flags(), &o.allNamespaces, "Policies, pods and sessions")
	c.Flags().BoolVar(&o.strict, "strict", false, "Exit with code 1 on warnings too.")
	command.Choice(c, &o.output, "output", "o", "Output format.", "json", "yaml")
	return c
}

func (o *options) run(c *cobra.Command) error {
	named := o.Flags.Namespace != nil && *o.Flags.Namespace != ""
	if o.allNamespaces && named {
		return command.UsageErrorf(c, "write -n or -A, not both")
	}
	facts := &Facts{Plugin: version.Client().Version}
	fallback := ""
	if !o.allNamespaces {
		namespace, err := o.Namespace()
		if err != nil {
			return err
		}
		if named {
			facts.Namespace = namespace
		} else {
			fallback = namespace
		}
	}
	ctx, cancel := context.WithTimeout(c.Context(), limit)
	defer cancel()
	if err := o.gather(ctx, facts, fallback); err != nil {
		return err
	}
	report := newReport(facts)
	if err := o.print(report, fallback); err != nil {
		return err
	}
	if report.Summary.Errors > 0 || o.strict && report.Summary.Warnings > 0 {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}

func (o *options) gather(ctx context.Context, facts *Facts, fallback string) error {
	config, err := o.REST()
	if err != nil {
		return err
	}
	cluster, err := o.Client()
	if err != nil {
		return err
	}
	if err := apiextensionsv1.AddToScheme(cluster.Scheme()); err != nil {
		return fmt.Errorf("making the scheme: %w", err)
	}
	return gather(ctx, config, cluster, facts, fallback)
}

func (o *options) print(report *Report, fallback string) error {
	if o.output != "" {
		return printAs(o.Out, o.output, report)
	}
	if fallback != "" && report.Namespace == fallback {
		fmt.Fprintf(o.ErrOut, "You may not see the sessions of all namespaces: policies, pods and sessions are those of namespace %s.\n", fallback)
	}
	to := terminal.Of(o.Out)
	printText(to, report, to.Draws(), terminal.Painter(to.Coloured()))
	return nil
}
