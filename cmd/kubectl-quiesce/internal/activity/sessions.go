package activity

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessions is the command of this name.
type sessions struct {
	*command.Frame

	print                           *command.Print
	selector, operation             string
	phases                          []string
	policy, since                   string
	watch, allNamespaces, noHeaders bool

	namespace string // empty for all of them
}

// NewSessions returns the command that lists sessions.
func NewSessions(frame *command.Frame) *cobra.Command {
	s := &sessions{Frame: frame}
	c := &cobra.Command{
		Use:     "sessions [NAME...]",
		Aliases: []string{"session"},
		Short:   "List the sessions: backups, snapshots and restores that run hooks",
		Long: `List the sessions: backups, snapshots, restores, clones and replications that run hooks, the latest last.

QUIESCED is how long pods were quiesced, or have been until now. CONSISTENT is True where every snapshot was seen to
be taken while all pods were quiesced; describe session says why it is not.`,
		Example: `  # Those of the namespace of the current context
  kubectl quiesce sessions

  # What is quiesced right now, in any namespace
  kubectl quiesce sessions -A --phase Quiescing,Quiesced,Thawing

  # What has failed in the last 24 hours, and why
  kubectl quiesce sessions -A --phase Failed --since 24h -o wide

  # Watch the sessions of a policy
  kubectl quiesce sessions -n shop --policy postgres -w`,
		RunE:              func(c *cobra.Command, args []string) error { return s.run(c, args) },
		ValidArgsFunction: frame.CompleteSessions,
	}
	s.print = command.NewPrint(c, "wide")
	flags := c.Flags()
	command.AllNamespacesFlag(flags, &s.allNamespaces, "Sessions")
	command.SelectorFlag(flags, &s.selector, "Sessions", "quiesce.io/velero-schedule=nightly")
	command.NoHeadersFlag(flags, &s.noHeaders)
	flags.StringSliceVar(&s.phases, "phase", nil, "Sessions in this phase alone; can be repeated: "+strings.Join(phaseNames(), ", ")+".")
	command.Choice(c, &s.operation, "operation", "", "Sessions of this operation alone.", operationNames()...)
	flags.StringVar(&s.policy, "policy", "", "Sessions in which the HookPolicy or NamespacedHookPolicy of this name has hooks.")
	flags.StringVar(&s.since, "since", "", "Sessions created no longer ago than this, such as 24h, or since a time such as 2026-01-31T02:00:00Z.")
	flags.BoolVarP(&s.watch, "watch", "w", false, "After listing them, print sessions again as they change, until Ctrl-C.")
	command.CompleteFlag(c, "phase", cobra.FixedCompletions(phaseNames(), cobra.ShellCompDirectiveNoFileComp))
	command.CompleteFlag(c, "policy", frame.CompletePolicies)
	return c
}

func (s *sessions) run(c *cobra.Command, args []string) error {
	names, err := command.Sessions.NamesOf(args)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	wanted, err := s.filter(c, names, time.Now())
	if err != nil {
		return err
	}
	if !s.allNamespaces {
		if s.namespace, err = s.Namespace(); err != nil {
			return err
		}
	}
	if s.policy != "" {
		wanted.policy = &policySessions{policy: command.PolicyName(s.policy), namespace: s.namespace}
	}
	options, err := s.options(wanted)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	cluster, err := s.Client()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if s.watch {
		return s.follow(ctx, cluster, options, wanted)
	}
	return s.list(ctx, cluster, options, wanted)
}

// list prints the sessions that there are.
func (s *sessions) list(ctx context.Context, cluster client.Client, options []client.ListOption, wanted *sessionFilter) error {
	if wanted.policy != nil {
		if err := wanted.policy.read(ctx, cluster); err != nil {
			return err
		}
	}
	var found []v1alpha1.HookSession
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookSessionList) { found = append(found, wanted.of(page)...) }, options...)
	if err != nil {
		return err
	}
	for _, name := range wanted.names {
		if !slices.ContainsFunc(found, func(session v1alpha1.HookSession) bool { return session.Name == name }) {
			if err := s.missing(ctx, cluster, name); err != nil {
				return err
			}
		}
	}
	if len(found) == 0 && !s.print.Objects() {
		s.sayNone()
		return nil
	}
	return s.printer()(found, len(wanted.names) == 1 && len(found) == 1)
}

// missing is the error for a session that there is not. One that there is may not be wanted by the flags.
func (s *sessions) missing(ctx context.Context, cluster client.Client, name string) error {
	if s.allNamespaces {
		return fmt.Errorf("there is no HookSession %q in any namespace, or none that the flags let through", name)
	}
	_, err := get(ctx, cluster, s.namespace, name)
	return err
}

func (s *sessions) sayNone() {
	if s.allNamespaces {
		fmt.Fprintln(s.ErrOut, "No resources found")
		return
	}
	fmt.Fprintf(s.ErrOut, "No resources found in %s namespace.\n", s.namespace)
}

// filter reads the flags by which sessions are chosen here.
func (s *sessions) filter(c *cobra.Command, names []string, now time.Time) (*sessionFilter, error) {
	wanted := &sessionFilter{names: names}
	var err error
	if wanted.since, err = when("since", s.since, now); err != nil {
		return nil, command.UsageErrorf(c, "%w", err)
	}
	for _, text := range s.phases {
		at := slices.IndexFunc(phaseNames(), func(name string) bool { return strings.EqualFold(name, text) })
		if at < 0 {
			return nil, command.UsageErrorf(c, "--phase: %w", command.Unknown("phase", text, phaseNames()))
		}
		wanted.phases = append(wanted.phases, v1alpha1.Phase(phaseNames()[at]))
	}
	return wanted, nil
}

// options are what the API server chooses by.
func (s *sessions) options(wanted *sessionFilter) ([]client.ListOption, error) {
	selector, err := command.Selector(s.selector)
	if err != nil {
		return nil, err
	}
	chosen := client.MatchingFields{}
	if s.operation != "" {
		chosen["spec.operation"] = s.operation
	}
	// A session that nobody has looked at has no phase yet; and a watch would not see one leave its phase.
	if len(wanted.phases) == 1 && wanted.phases[0] != v1alpha1.PhasePending && !s.watch {
		chosen["status.phase"] = string(wanted.phases[0])
	}
	return []client.ListOption{client.InNamespace(s.namespace), client.MatchingLabelsSelector{Selector: selector}, chosen}, nil
}

func phaseNames() []string {
	var names []string
	for _, phase := range []v1alpha1.Phase{
		v1alpha1.PhasePending, v1alpha1.PhaseQuiescing, v1alpha1.PhaseQuiesced, v1alpha1.PhaseThawing, v1alpha1.PhaseThawed,
		v1alpha1.PhaseFinishing, v1alpha1.PhaseComplete, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled,
	} {
		names = append(names, string(phase))
	}
	return names
}

func operationNames() []string {
	return []string{
		string(v1alpha1.OperationSnapshot), string(v1alpha1.OperationBackup), string(v1alpha1.OperationRestore),
		string(v1alpha1.OperationClone), string(v1alpha1.OperationReplicate),
	}
}
