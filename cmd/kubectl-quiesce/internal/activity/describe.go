package activity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// NewDescribe returns the command that describes single objects. It takes them as TYPE/NAME, too.
func NewDescribe(frame *command.Frame) *cobra.Command {
	all := false
	c := command.Group(&cobra.Command{
		Use:   "describe",
		Short: "Describe a session: what ran in which pods, and how it came out",
	}, newDescribeSession(frame))
	c.Flags().BoolVar(&all, allPods, false, allPodsUsage)
	none := c.Args
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 && strings.Contains(args[0], "/") {
			return nil
		}
		return none(c, args)
	}
	help := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return help(c, args)
		}
		return describeSessions(c, frame, args, all)
	}
	return c
}

const (
	allPods      = "all-pods"
	allPodsUsage = "List every pod of every hook, however many there are."
)

func newDescribeSession(frame *command.Frame) *cobra.Command {
	all := false
	c := &cobra.Command{
		Use:     "session NAME...",
		Aliases: []string{"sessions", "hooksession", "hooksessions", "hses"},
		Short:   "Describe a session: what ran in which pods, and how it came out",
		Long: `Describe a session: what it is for, where it stands and why, for how long pods were quiesced, which hooks ran in which
pods and how they came out, failures first and with the output of their commands, and what was seen of the snapshots.`,
		Example: `  # The session of last night
  kubectl quiesce describe session nightly-42 -n shop

  # The same, by the name that kubectl prints
  kubectl quiesce describe hooksession/nightly-42 -n shop`,
		Args: command.AtLeastOne("the NAME of a session: kubectl quiesce sessions lists them"),
		RunE: func(c *cobra.Command, args []string) error {
			return describeSessions(c, frame, args, all)
		},
		ValidArgsFunction: frame.CompleteSessions,
	}
	c.Flags().BoolVar(&all, allPods, false, allPodsUsage)
	return c
}

func describeSessions(c *cobra.Command, frame *command.Frame, args []string, all bool) error {
	ctx := c.Context()
	names, err := command.Sessions.NamesOf(args)
	if err != nil {
		return command.UsageErrorf(c, "%w", err)
	}
	namespace, err := frame.Namespace()
	if err != nil {
		return err
	}
	cluster, err := frame.Client()
	if err != nil {
		return err
	}
	for i, name := range names {
		session, err := get(ctx, cluster, namespace, name)
		if err != nil {
			return err
		}
		d := describe(ctx, cluster, session)
		d.all = all
		if i > 0 {
			fmt.Fprintln(frame.Out)
		}
		if err := d.write(frame.Out); err != nil {
			return err
		}
	}
	return nil
}

// describe reads what there is to say of a session. What may not be read is left out, and said.
func describe(ctx context.Context, cluster client.Reader, session *v1alpha1.HookSession) *description {
	d := &description{session: session, now: time.Now()}
	var err error
	if d.runs, err = runsOf(ctx, cluster, session); err != nil {
		d.gaps = append(d.gaps, "What ran in which pods is not known: "+command.Sentence(err))
	}
	_, err = eachPage(ctx, cluster, func(page *corev1.EventList) { d.events = append(d.events, page.Items...) },
		client.InNamespace(session.Namespace), client.MatchingFields{"involvedObject.uid": string(session.UID)})
	if err != nil {
		d.gaps = append(d.gaps, "Its events are not known: "+command.Sentence(err))
	}
	return d
}
