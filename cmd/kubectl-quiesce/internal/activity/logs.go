package activity

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	apifields "k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// logs is the command of this name.
type logs struct {
	*command.Frame

	session, policy, pod, stage   string
	results                       []string
	since, sinceTime, until       string
	tail                          int
	follow, showOutput, noHeaders bool
	allNamespaces                 bool
	output                        string
}

// NewLogs returns the command that shows what hooks have run.
func NewLogs(frame *command.Frame) *cobra.Command {
	l := &logs{Frame: frame}
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show which hooks ran in which pods, when, and how they came out",
		Long: `Show which hooks ran in which pods, when, and how they came out: one line for each hook and pod, in the order in which
they ran.

It is read from the HookRuns of sessions, so it goes back as far as those are kept: a week, unless the session or the
installation says otherwise. The end of a failed hook's output is kept as well: see --show-output. A hook that was
skipped has no time of its own, and stands at the beginning of its session. Hooks that Velero runs by the annotations
of stamped pods are in Velero's own logs: velero backup logs NAME.`,
		Example: `  # What ran in the namespace of the current context
  kubectl quiesce logs

  # Why last night's backup failed, with the output of the commands
  kubectl quiesce logs -n shop --since 12h --result Failed --show-output

  # One pod, as it happens
  kubectl quiesce logs -n shop --pod db-0 -f

  # For programs: a JSON object a line
  kubectl quiesce logs -A --policy postgres --since-time 2026-01-31T02:00:00Z -o json`,
		Args: command.None(": write --session NAME for those of one session"),
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return l.run(ctx, c)
		},
	}
	flags := c.Flags()
	flags.StringVar(&l.session, "session", "", "Hooks of the HookSession of this name alone.")
	flags.StringVar(&l.policy, "policy", "", "Hooks of the HookPolicy or NamespacedHookPolicy of this name alone.")
	flags.StringVar(&l.pod, "pod", "", "Hooks in the pod of this name alone.")
	command.Choice(c, &l.stage, "stage", "", "Hooks of this stage alone.", stageNames()...)
	flags.StringSliceVar(&l.results, "result", nil, "Hooks with this result alone; can be repeated: Succeeded, Failed, Skipped, or Held for holds.")
	flags.StringVar(&l.since, "since", "", "Hooks that began no longer ago than this, such as 15m or 24h.")
	flags.StringVar(&l.sinceTime, "since-time", "", "Hooks that began at this time or later, such as 2026-01-31T02:00:00Z.")
	flags.StringVar(&l.until, "until", "", "Hooks that began at this time or earlier, or at least as long ago as this.")
	flags.IntVar(&l.tail, "tail", -1, "Number of lines to show, the latest; -1 for all.")
	flags.BoolVarP(&l.follow, "follow", "f", false, "Print further lines as hooks run, until Ctrl-C.")
	flags.BoolVar(&l.showOutput, "show-output", false, "Print below each line what is kept of the command's output.")
	command.NoHeadersFlag(flags, &l.noHeaders)
	command.AllNamespacesFlag(flags, &l.allNamespaces, "Hooks")
	command.Choice(c, &l.output, "output", "o", "A JSON object a line.", "json")
	command.CompleteFlag(c, "session", frame.CompleteSessions)
	command.CompleteFlag(c, "result", cobra.FixedCompletions(resultNames(), cobra.ShellCompDirectiveNoFileComp))
	command.CompleteFlag(c, "policy", frame.CompletePolicies)
	command.CompleteFlag(c, "pod", frame.CompletePods)
	return c
}

func (l *logs) run(ctx context.Context, c *cobra.Command) error {
	wanted, err := l.filter(c, time.Now())
	if err != nil {
		return err
	}
	options, err := l.options(wanted)
	if err != nil {
		return err
	}
	cluster, err := l.Client()
	if err != nil {
		return err
	}
	var out writer = newTable(l.Out, l.allNamespaces, !l.noHeaders, l.showOutput)
	if l.output == "json" {
		out = jsonLines{l.Out}
	}
	if l.follow {
		return followLogs(ctx, cluster, options, &feed{filter: wanted, out: out, tail: l.tail}, l.ErrOut)
	}
	var found []Entry
	collect := func(page *v1alpha1.HookRunList) {
		for i := range page.Items {
			found = append(found, wanted.of(&page.Items[i])...)
		}
	}
	if _, err := eachPage(ctx, cluster, collect, options...); err != nil {
		return err
	}
	if len(found) == 0 {
		l.sayNone()
		return nil
	}
	return out.write(last(found, l.tail))
}

func (l *logs) sayNone() {
	where := "."
	if namespace, err := l.Namespace(); err == nil && !l.allNamespaces {
		where = " in " + namespace + " namespace."
	}
	fmt.Fprintf(l.ErrOut, "No hooks found%s\n", where)
}

// last are the last of the entries by time; all for a negative number.
func last(entries []Entry, tail int) []Entry {
	sortEntries(entries)
	if tail >= 0 && len(entries) > tail {
		return entries[len(entries)-tail:]
	}
	return entries
}

// filter reads the flags by which lines are chosen here.
func (l *logs) filter(c *cobra.Command, now time.Time) (filter, error) {
	var wanted filter
	switch {
	case l.since != "" && l.sinceTime != "":
		return filter{}, command.UsageErrorf(c, "write --since or --since-time, not both")
	case l.follow && l.until != "":
		return filter{}, command.UsageErrorf(c, "--follow has no end: leave --until out")
	}
	var err error
	if l.pod != "" {
		if wanted.pod, err = command.Pods.NameOf(l.pod); err != nil {
			return filter{}, command.UsageErrorf(c, "--pod: %w", err)
		}
	}
	if l.session != "" {
		if l.session, err = command.Sessions.NameOf(l.session); err != nil {
			return filter{}, command.UsageErrorf(c, "--session: %w", err)
		}
	}
	if wanted.since, err = when("since", l.since, now); err != nil {
		return filter{}, command.UsageErrorf(c, "%w", err)
	}
	if l.sinceTime != "" {
		if wanted.since, err = when("since-time", l.sinceTime, now); err != nil {
			return filter{}, command.UsageErrorf(c, "%w", err)
		}
	}
	if wanted.until, err = when("until", l.until, now); err != nil {
		return filter{}, command.UsageErrorf(c, "%w", err)
	}
	for _, text := range l.results {
		at := slices.IndexFunc(resultNames(), func(name string) bool { return strings.EqualFold(name, text) })
		if at < 0 {
			return filter{}, command.UsageErrorf(c, "--result: %w", command.Unknown("result", text, resultNames()))
		}
		wanted.results = append(wanted.results, v1alpha1.ResultOutcome(resultNames()[at]))
	}
	return wanted, nil
}

// options are what the API server chooses by.
func (l *logs) options(wanted filter) ([]client.ListOption, error) {
	var options []client.ListOption
	if !l.allNamespaces {
		namespace, err := l.Namespace()
		if err != nil {
			return nil, err
		}
		options = append(options, client.InNamespace(namespace))
	}
	selector, err := apifields.ParseSelector(fields(l.session, command.PolicyName(l.policy), l.stage, wanted.results))
	if err != nil {
		return nil, fmt.Errorf("asking for HookRuns: %w", err)
	}
	return append(options, client.MatchingFieldsSelector{Selector: selector}), nil
}

func followLogs(ctx context.Context, cluster client.WithWatch, options []client.ListOption, feed *feed, talk io.Writer) error {
	f := follower[v1alpha1.HookRunList, *v1alpha1.HookRunList]{
		cluster: cluster, options: options, talk: talk,
		page: func(page *v1alpha1.HookRunList) {
			for i := range page.Items {
				feed.take(&page.Items[i])
			}
		},
		listed: feed.flush,
		change: func(_ context.Context, object runtime.Object) error {
			run, is := object.(*v1alpha1.HookRun)
			if !is {
				return nil
			}
			feed.take(run)
			return unshown(feed.flush())
		},
	}
	return f.run(ctx)
}

func stageNames() []string {
	return []string{
		string(v1alpha1.PreBackup), string(v1alpha1.PreSnapshot), string(v1alpha1.PostSnapshot), string(v1alpha1.PostBackup),
		string(v1alpha1.PreRestore), string(v1alpha1.PostRestore),
	}
}

func resultNames() []string {
	return []string{string(v1alpha1.ResultSucceeded), string(v1alpha1.ResultFailed), string(v1alpha1.ResultSkipped), string(v1alpha1.ResultHeld)}
}
