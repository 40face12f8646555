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
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sessions is the command of this name.
type sessions struct {
	*command.Frame

	print                           *genericclioptions.PrintFlags
	selector, operation             string
	phases                          []string
	policy, since                   string
	watch, allNamespaces, noHeaders bool
}

// NewSessions returns the command that lists sessions.
func NewSessions(frame *command.Frame) *cobra.Command {
	s := &sessions{Frame: frame, print: genericclioptions.NewPrintFlags("")}
	c := &cobra.Command{
		Use:     "sessions [NAME...]",
		Aliases: []string{"session"},
		Short:   "List the sessions: backups, snapshots and restores that pass through hooks",
		Long: `List the sessions: backups, snapshots, restores, clones and replications that pass through hooks, the latest last.

QUIESCED is how long pods were quiesced, or have been until now. CONSISTENT is True where every snapshot was seen to be taken
while all pods were quiesced; describe session says why it is not.`,
		Example: `  # Those of the namespace of the current context
  kubectl quiesce sessions

  # What is quiesced right now, anywhere
  kubectl quiesce sessions -A --phase Quiescing,Quiesced,Thawing

  # What failed since yesterday, and why
  kubectl quiesce sessions -A --phase Failed --since 24h -o wide

  # Watch the sessions of a policy
  kubectl quiesce sessions -n shop --policy postgres -w`,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return s.run(ctx, c, args)
		},
		ValidArgsFunction: sessionNames(frame),
	}
	flags := c.Flags()
	flags.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "Those of all namespaces")
	flags.StringVarP(&s.selector, "selector", "l", "", "Only those with these labels, such as quiesce.io/velero-schedule=nightly")
	flags.StringSliceVar(&s.phases, "phase", nil, "Only those in these phases: "+strings.Join(phaseNames(), ", "))
	flags.StringVar(&s.operation, "operation", "", "Only those of this operation: "+strings.Join(operationNames(), ", "))
	flags.StringVar(&s.policy, "policy", "", "Only those in which the HookPolicy or NamespacedHookPolicy with this name has hooks")
	flags.StringVar(&s.since, "since", "", "Only those created as long ago as this, or less, such as 24h, or since a time (RFC 3339)")
	flags.BoolVarP(&s.watch, "watch", "w", false, "Go on with what changes, until Ctrl-C")
	flags.BoolVar(&s.noHeaders, "no-headers", false, "Leave the headings out")
	s.print.AddFlags(c)
	flags.Lookup("output").Usage = "wide, name, json, yaml, jsonpath=… or go-template=…"
	command.CompleteFlag(c, "phase", cobra.FixedCompletions(phaseNames(), cobra.ShellCompDirectiveNoFileComp))
	command.CompleteFlag(c, "operation", cobra.FixedCompletions(operationNames(), cobra.ShellCompDirectiveNoFileComp))
	command.CompleteFlag(c, "policy", policyNames(frame))
	return c
}

func (s *sessions) run(ctx context.Context, c *cobra.Command, args []string) error {
	wanted, err := s.filter(c, time.Now())
	if err != nil {
		return err
	}
	show, err := s.printer()
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	options, err := s.options(wanted)
	if err != nil {
		return err
	}
	cluster, err := s.Client()
	if err != nil {
		return err
	}
	if s.policy != "" {
		if wanted.ran, err = s.ran(ctx, cluster); err != nil {
			return err
		}
	}
	var found []v1alpha1.HookSession
	collect := func(page *v1alpha1.HookSessionList) {
		for i := range page.Items {
			if wanted.wants(&page.Items[i]) && (len(args) == 0 || slices.Contains(args, page.Items[i].Name)) {
				found = append(found, page.Items[i])
			}
		}
	}
	if s.watch {
		return s.follow(ctx, cluster, options, &found, collect, show)
	}
	if _, err := eachPage(ctx, cluster, collect, options...); err != nil {
		return err
	}
	for _, name := range args {
		if !slices.ContainsFunc(found, func(session v1alpha1.HookSession) bool { return session.Name == name }) {
			if err := s.missing(ctx, cluster, name); err != nil {
				return err
			}
		}
	}
	if len(found) == 0 && *s.print.OutputFormat == "" || len(found) == 0 && *s.print.OutputFormat == "wide" {
		s.sayNone()
		return nil
	}
	return show(found, len(args) == 1)
}

// missing is the error for a session that there is not. One that there is may not be wanted by the flags.
func (s *sessions) missing(ctx context.Context, cluster client.Client, name string) error {
	if s.allNamespaces {
		return fmt.Errorf("there is no HookSession %q in any namespace, or none that the flags let through", name)
	}
	namespace, err := s.Namespace()
	if err != nil {
		return err
	}
	_, err = get(ctx, cluster, namespace, name)
	return err
}

func (s *sessions) sayNone() {
	if namespace, err := s.Namespace(); err == nil && !s.allNamespaces {
		fmt.Fprintf(s.ErrOut, "No resources found in %s namespace.\n", namespace)
		return
	}
	fmt.Fprintln(s.ErrOut, "No resources found")
}

// filter reads the flags by which sessions are chosen.
func (s *sessions) filter(c *cobra.Command, now time.Time) (sessionFilter, error) {
	wanted := sessionFilter{policy: policyName(s.policy)}
	var err error
	if wanted.since, err = when("since", s.since, now); err != nil {
		return wanted, command.UsageErrorf(c, "%w", err)
	}
	for _, text := range s.phases {
		phase, err := oneOf("phase", text, phaseNames())
		if err != nil {
			return wanted, command.UsageErrorf(c, "--phase: %w", err)
		}
		wanted.phases = append(wanted.phases, v1alpha1.Phase(phase))
	}
	if s.operation != "" {
		if s.operation, err = oneOf("operation", s.operation, operationNames()); err != nil {
			return wanted, command.UsageErrorf(c, "--operation: %w", err)
		}
	}
	return wanted, nil
}

// oneOf finds a name whatever its case.
func oneOf(kind, text string, known []string) (string, error) {
	if at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, text) }); at >= 0 {
		return known[at], nil
	}
	return "", command.Unknown(kind, text, known)
}

// options are what the API server chooses by.
func (s *sessions) options(wanted sessionFilter) ([]client.ListOption, error) {
	var options []client.ListOption
	if !s.allNamespaces {
		namespace, err := s.Namespace()
		if err != nil {
			return nil, err
		}
		options = append(options, client.InNamespace(namespace))
	}
	selector, err := labels.Parse(s.selector)
	if err != nil {
		return nil, fmt.Errorf("-l %s: %w", s.selector, err)
	}
	chosen := client.MatchingFields{}
	if s.operation != "" {
		chosen["spec.operation"] = s.operation
	}
	// A session that nobody has looked at has no phase yet; and a watch would not see one leave its phase.
	if len(wanted.phases) == 1 && wanted.phases[0] != v1alpha1.PhasePending && !s.watch {
		chosen["status.phase"] = string(wanted.phases[0])
	}
	return append(options, client.MatchingLabelsSelector{Selector: selector}, chosen), nil
}

// ran are the sessions in which the policy has hooks.
func (s *sessions) ran(ctx context.Context, cluster client.Reader) (map[string]bool, error) {
	options := []client.ListOption{client.MatchingFields{"spec.policy.name": policyName(s.policy)}}
	if !s.allNamespaces {
		namespace, err := s.Namespace()
		if err != nil {
			return nil, err
		}
		options = append(options, client.InNamespace(namespace))
	}
	found := map[string]bool{}
	_, err := eachPage(ctx, cluster, func(page *v1alpha1.HookRunList) {
		for i := range page.Items {
			found[page.Items[i].Namespace+"/"+page.Items[i].Spec.Session.Name] = true
		}
	}, options...)
	return found, err
}

// show prints sessions; alone where one was asked for by its name.
type show func(found []v1alpha1.HookSession, alone bool) error

func (s *sessions) printer() (show, error) {
	format := *s.print.OutputFormat
	if format == "" || format == "wide" {
		columns := layout{namespaces: s.allNamespaces, wide: format == "wide"}
		out := printers.GetNewTabWriter(s.Out)
		headed := s.noHeaders
		return func(found []v1alpha1.HookSession, _ bool) error {
			if !headed {
				headed = true
				printRow(out, columns.header())
			}
			sortSessions(found)
			for i := range found {
				printRow(out, columns.row(&found[i], time.Now()))
			}
			return out.Flush()
		}, nil
	}
	printer, err := s.print.ToPrinter()
	if err != nil {
		return nil, err
	}
	return func(found []v1alpha1.HookSession, alone bool) error {
		sortSessions(found)
		whole := &corev1.List{}
		whole.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("List"))
		for i := range found {
			found[i].SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("HookSession"))
			if alone {
				return printer.PrintObj(&found[i], s.Out)
			}
			whole.Items = append(whole.Items, runtime.RawExtension{Object: &found[i]})
		}
		return printer.PrintObj(whole, s.Out)
	}, nil
}

// follow prints sessions as they change.
func (s *sessions) follow(ctx context.Context, cluster client.WithWatch, options []client.ListOption, found *[]v1alpha1.HookSession,
	collect func(*v1alpha1.HookSessionList), show show) error {
	printed := map[string]string{} // by UID, the version
	news := func() error {
		fresh := slices.DeleteFunc(*found, func(session v1alpha1.HookSession) bool {
			return printed[string(session.UID)] == session.ResourceVersion
		})
		*found = nil
		for i := range fresh {
			printed[string(fresh[i].UID)] = fresh[i].ResourceVersion
		}
		if len(fresh) == 0 {
			return nil
		}
		if *s.print.OutputFormat == "" || *s.print.OutputFormat == "wide" {
			return show(fresh, false)
		}
		for i := range fresh {
			if err := show(fresh[i:i+1], true); err != nil {
				return err
			}
		}
		return nil
	}
	f := follower[v1alpha1.HookSessionList, *v1alpha1.HookSessionList]{
		cluster: cluster, options: options, talk: s.ErrOut, page: collect, listed: news,
		change: func(object runtime.Object) error {
			session, is := object.(*v1alpha1.HookSession)
			if !is {
				return nil
			}
			collect(&v1alpha1.HookSessionList{Items: []v1alpha1.HookSession{*session}})
			return news()
		},
	}
	return f.run(ctx)
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
