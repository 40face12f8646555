package library

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/advice"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// policyOf is a policy that is to be made of a template, as a command line says it.
type policyOf struct {
	name       string
	namespaced bool
	mode       string
	source     templateSource
	params
	selection
	*writing
}

// newPolicyOf makes a command of which the policy is written that a function picks: one that uses the template, or what it comes to.
func newPolicyOf(frame *command.Frame, c *cobra.Command, pick func(use, resolved *v1alpha1.HookPolicySpec) v1alpha1.HookPolicySpec) *cobra.Command {
	p := &policyOf{source: templateSource{frame: frame}}
	c.Args = command.One("the NAME of a template")
	c.ValidArgsFunction = command.First(p.source.complete)
	c.RunE = func(c *cobra.Command, args []string) error { return p.run(c, args[0], pick) }
	c.Flags().StringVar(&p.name, "as", "", "Name of the policy. To impersonate a user, write kubectl's --as ahead of the word templates.")
	c.Flags().BoolVar(&p.namespaced, "namespaced", false, "Write a NamespacedHookPolicy, in the namespace of -n and for its pods alone.")
	command.Choice(c, &p.mode, "velero-mode", "", "How its hooks run in Velero's backups (without it, Stamp).",
		string(v1alpha1.VeleroStamp), string(v1alpha1.VeleroSession))
	p.source.addFlag(c)
	p.params.addFlags(&p.source, c)
	p.selection.addFlags(frame, c)
	p.writing = newWriting(frame, c)
	return c
}

func (p *policyOf) check(c *cobra.Command) error {
	switch {
	case p.name == "":
		return command.UsageErrorf(c, "write --as with the name that the policy is to have")
	case !p.namespaced && c.Flags().Changed("namespace"):
		return command.UsageErrorf(c, "a HookPolicy is in no namespace: for the pods of namespace %[1]s write --namespaced as well, or --include-namespace %[1]s in its place",
			*p.frame.Flags.Namespace)
	}
	return p.writing.check(c)
}

func (p *policyOf) run(c *cobra.Command, name string, pick func(use, resolved *v1alpha1.HookPolicySpec) v1alpha1.HookPolicySpec) error {
	if err := p.check(c); err != nil {
		return err
	}
	template, err := p.source.template(c, name)
	if err != nil {
		return err
	}
	ref := match.Ref{Name: p.name}
	if p.namespaced {
		if ref.Namespace, err = p.frame.Namespace(); err != nil {
			return err
		}
	}
	use, err := p.spec(c, template)
	if err != nil {
		return err
	}
	l, err := p.source.library(c.Context(), template)
	if err != nil {
		return err
	}
	resolved, err := l.Resolve(use)
	if err != nil {
		return err
	}
	if err := match.Check(ref, resolved); err != nil {
		return fmt.Errorf("%s could not be used: %w", ref, err)
	}
	for _, warning := range advice.For(resolved) {
		p.frame.Warn(warning)
	}
	if hooks := stamp.SessionOnly(resolved); len(hooks) > 0 {
		fmt.Fprintf(p.frame.ErrOut, "Note: in sessions, such as those of kubectl quiesce run, all hooks run; in Velero's backups not %s: "+
			"write --velero-mode Session for these to wait for a session.\n", strings.Join(hooks, ", "))
	}
	return p.write(c.Context(), ref, pick(use, resolved))
}

// spec is that of a policy that uses the template.
func (p *policyOf) spec(c *cobra.Command, template *v1alpha1.HookTemplate) (*v1alpha1.HookPolicySpec, error) {
	values, err := p.values(c, template)
	if err != nil {
		return nil, err
	}
	selector, err := p.selector(c, template.Spec.Selector, p.namespaced)
	if err != nil {
		return nil, err
	}
	return &v1alpha1.HookPolicySpec{
		Selector: selector,
		Velero:   v1alpha1.PolicyVelero{Mode: v1alpha1.VeleroMode(p.mode)},
		Template: &v1alpha1.TemplateUse{Name: template.Name, Params: values},
	}, nil
}

// write sends the policy, and says where to see which pods it matches.
func (p *policyOf) write(ctx context.Context, ref match.Ref, spec v1alpha1.HookPolicySpec) error {
	meta := metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}
	// A policy that somebody has suspended stays so until he resumes it.
	keep := func(existing *v1alpha1.HookPolicySpec) {
		suspended := existing.Suspend
		*existing = spec
		existing.Suspend = suspended
		if suspended {
			p.frame.Warn(fmt.Sprintf("%s is suspended, and stays so: kubectl quiesce policies resume %s", ref, written(ref)))
		}
	}
	if ref.Namespace != "" {
		policy, err := send(ctx, p.writing, replacement[*v1alpha1.NamespacedHookPolicy]{
			fresh:    &v1alpha1.NamespacedHookPolicy{ObjectMeta: meta, Spec: spec},
			existing: &v1alpha1.NamespacedHookPolicy{},
			change:   func(existing *v1alpha1.NamespacedHookPolicy) { keep(&existing.Spec) },
			look:     fmt.Sprintf("kubectl -n %s get nhp %s -o yaml", ref.Namespace, ref.Name),
		})
		return p.sent(ref, policy, &policy.Status, err)
	}
	policy, err := send(ctx, p.writing, replacement[*v1alpha1.HookPolicy]{
		fresh:    &v1alpha1.HookPolicy{ObjectMeta: meta, Spec: spec},
		existing: &v1alpha1.HookPolicy{},
		change:   func(existing *v1alpha1.HookPolicy) { keep(&existing.Spec) },
		look:     fmt.Sprintf("kubectl get hp %s -o yaml", ref.Name),
	})
	return p.sent(ref, policy, &policy.Status, err)
}

// sent says what came of it: how many pods the policy matches where its status knows that already, else where it will be said.
func (p *policyOf) sent(ref match.Ref, policy client.Object, status *v1alpha1.HookPolicyStatus, err error) error {
	switch {
	case ref.Namespace == "" && command.Lacks(err):
		return errors.New(command.Sentence(err) + ". For the pods of one namespace a NamespacedHookPolicy will do, which takes no more than edit there: write --namespaced -n NAMESPACE")
	case err != nil:
		return err
	case p.dryRun != command.DryRunNone || p.print.Format() != "":
		return nil
	case status.ObservedGeneration == policy.GetGeneration():
		fmt.Fprintf(p.frame.ErrOut, "It matches %d pods, of which %d are stamped.\n", status.MatchedPods, status.StampedPods)
	default:
		fmt.Fprintf(p.frame.ErrOut, "See which pods it matches: %s\n", listCommand(ref))
	}
	return nil
}

func listCommand(ref match.Ref) string {
	if ref.Namespace != "" {
		return "kubectl quiesce policies list -n " + ref.Namespace
	}
	return "kubectl quiesce policies list"
}

// written is a policy as an argument of a command.
func written(ref match.Ref) string {
	if ref.Namespace != "" {
		return fmt.Sprintf("nhp/%s -n %s", ref.Name, ref.Namespace)
	}
	return "hp/" + ref.Name
}
