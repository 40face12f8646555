// Package preview tries policies before they touch a pod: what annotations and init containers pods would get, and what sessions
// would run. Nothing is written anywhere.
package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/fileflag"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

type options struct {
	*command.Frame
	sources       fileflag.Sources
	cluster       bool
	allNamespaces bool
	selector      string
	output        string
	full          bool
}

// ownNamespace is where Quiesce is installed unless somebody chose otherwise. It never takes part.
const ownNamespace = "quiesce-system"

// New returns the command preview.
func New(frame *command.Frame) *cobra.Command {
	o := &options{Frame: frame}
	c := &cobra.Command{
		Use:   "preview -f FILE...",
		Short: "Try policies before they touch a pod",
		Long: `Try policies before they touch a pod: which pods they select, what annotations and, once restored, init containers those
would get, and which hooks sessions would run, in order. Nothing is written anywhere.

Without a cluster, the files contain policies and what they are tried on: pods, and the pod templates of Deployments,
StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs, as kustomize or helm template print them. Objects that name no
namespace are taken to be in that of -n. Namespaces count as opted in unless the files have them, with or without the
label. Templates that come with Quiesce need not be in the files.

With --cluster, the policies of the files join those of the cluster, or replace them, as kubectl apply would, and are
tried on the pods that run there. Pods are shown for which the files make a difference, or that their policies select;
of all others, why no policy of the files selects them.

Exit codes: 0, or 1 when something in the files cannot be used, or the cluster cannot be asked, and 2 when the command
line makes no sense.`,
		Example: `  # What would this policy do to these workloads, once they are in namespace shop?
  kubectl quiesce preview -f policy.yaml -f deployment.yaml -n shop

  # The same with what a chart renders
  helm template shop ./chart -n shop | kubectl quiesce preview -f policy.yaml -f -

  # What would it do to the pods of a namespace, or of all of them?
  kubectl quiesce preview -f policy.yaml --cluster -n shop
  kubectl quiesce preview -f policy.yaml --cluster -A

  # The whole decision, for a program
  kubectl quiesce preview -f policy.yaml --cluster -n shop -o json`,
		Args: command.None(": write -f with the path of a file"),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.sources.AddFlags(c, "policies and, without --cluster, pods and workloads")
	c.Flags().BoolVar(&o.cluster, "cluster", false, "Try the policies on the pods of the cluster, beside the policies that are there.")
	command.AllNamespacesFlag(c.Flags(), &o.allNamespaces, "With --cluster, pods")
	command.SelectorFlag(c.Flags(), &o.selector, "Pods", "app=web,tier!=cache")
	command.Choice(c, &o.output, "output", "o", "Output format in place of a report with diffs.", "json", "yaml")
	c.Flags().BoolVar(&o.full, "full", false, "Show long commands and scripts in full.")
	return c
}

func (o *options) run(c *cobra.Command) error {
	selector, err := command.Selector(o.selector)
	switch {
	case len(o.sources.Names) == 0:
		return command.UsageErrorf(c, "write the files to try, such as -f policy.yaml, or -f - for standard input")
	case err != nil:
		return command.UsageErrorf(c, "%w", err)
	case o.allNamespaces && !o.cluster:
		return command.UsageErrorf(c, "-A is for --cluster: files say themselves in which namespace their objects are")
	}
	if err := o.sources.Check(c); err != nil {
		return err
	}
	namespace, err := o.Namespace()
	if err != nil {
		if o.cluster {
			return err
		}
		namespace = metav1.NamespaceDefault
	}
	files, err := o.sources.Read(o.In)
	if err != nil {
		return err
	}
	report, err := o.preview(c.Context(), files, namespace, selector)
	if err != nil {
		return err
	}
	if err := o.print(report); err != nil {
		return err
	}
	if report.failed() {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}

// failed tells whether something in the files cannot be used.
func (r *Report) failed() bool {
	return len(r.Refused) > 0 || slices.ContainsFunc(r.Policies, func(p Policy) bool { return p.Refusal != "" })
}

func (o *options) preview(ctx context.Context, files []manifest.File, namespace string, selector labels.Selector) (*Report, error) {
	contents, err := read(ctx, files, namespace)
	if err != nil {
		return nil, err
	}
	if len(contents.listed)+len(contents.Scripts)+len(contents.Templates)+len(contents.refused) == 0 {
		return nil, errors.New("there is no policy in the files: write one of kind HookPolicy or NamespacedHookPolicy, or add its file with -f")
	}
	if o.cluster {
		return o.tryOnCluster(ctx, contents, namespace, selector)
	}
	return o.tryOnFiles(contents, namespace, selector)
}

func newReport(listed []Policy, refused []Refusal) *Report {
	return &Report{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Preview"},
		Policies: append([]Policy{}, listed...), Refused: refused, Pods: []Pods{},
	}
}

// tryOnFiles tries the policies of files on their pods.
func (o *options) tryOnFiles(contents *contents, namespace string, selector labels.Selector) (*Report, error) {
	delivered, err := deliver(&contents.Objects)
	if err != nil {
		return nil, err
	}
	t := &trial{
		World:      world.Of(contents.Objects, stamp.Options{}, match.Scope{Own: ownNamespace}),
		touched:    map[match.Ref]bool{},
		namespaces: contents.namespaces,
	}
	for i := range contents.listed {
		t.touched[contents.listed[i].ref()] = true
	}
	pods := contents.pods
	report := newReport(contents.listed, contents.refused)
	report.Notes = delivery(delivered)
	var assumed []string
	for i := range pods {
		name := pods[i].namespace
		if _, known := t.namespaces[name]; !known && t.Scope.MayTakePart(name) && !slices.Contains(assumed, name) {
			assumed = append(assumed, name)
		}
	}
	slices.Sort(assumed)
	switch {
	case len(pods) == 0:
		report.Notes = append(report.Notes, "there are no pods to try the policies on: add files with pods or workloads, or write --cluster")
	case len(assumed) > 0:
		report.Notes = append(report.Notes, "namespaces that are not in the files are assumed to have opted in, with no other labels: "+strings.Join(assumed, ", "))
	}
	if contents.assumed && *o.Flags.Namespace == "" {
		report.Notes = append(report.Notes, fmt.Sprintf("pods and workloads that name no namespace are taken to be in namespace %s: write -n for another", namespace))
	}
	report.Notes = append(report.Notes, o.narrowed(pods, selector)...)
	t.decide(report, pods, selector)
	return report, nil
}

func delivery(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	if len(names) == 1 {
		return []string{"not in the files, and taken as this version of Quiesce has it: template " + names[0]}
	}
	return []string{"not in the files, and taken as this version of Quiesce has them: templates " + strings.Join(names, ", ")}
}

// narrowed says how many pods are shown, where that may not be all.
func (o *options) narrowed(all []candidate, selector labels.Selector) []string {
	count, selected := 0, 0
	for i := range all {
		count += all[i].count
		if selector.Matches(labels.Set(all[i].pod.Labels)) {
			selected += all[i].count
		}
	}
	switch selected {
	case count:
		return nil
	case 0:
		return []string{fmt.Sprintf("-l %s selects none of %s", o.selector, pods(count))}
	}
	return []string{fmt.Sprintf("-l %s selects %d of %s: only these are shown, and sessions are planned with all of them", o.selector, selected, pods(count))}
}

// tryOnCluster tries the policies of the cluster and the files on the cluster's pods.
func (o *options) tryOnCluster(ctx context.Context, contents *contents, namespace string, selector labels.Selector) (*Report, error) {
	if o.allNamespaces {
		namespace = metav1.NamespaceAll
	}
	reader, err := o.Client()
	if err != nil {
		return nil, err
	}
	base, err := world.Load(ctx, reader, namespace)
	if err != nil {
		return nil, err
	}
	pods, namespaces, gaps, err := readPods(ctx, reader, namespace)
	if err != nil {
		return nil, err
	}
	for name, given := range contents.namespaces {
		namespaces[name] = given
	}
	next := contents.applied(base)
	delivered, err := deliver(&next.Objects)
	if err != nil {
		return nil, err
	}
	if len(delivered) > 0 {
		next.Set = world.Of(next.Objects, next.Options, next.Scope).Set
	}
	t := &trial{World: next, base: base, touched: contents.compare(base, next), namespaces: namespaces}
	report := newReport(contents.listed, contents.refused)
	report.Notes = slices.Concat(base.Gaps, gaps, delivery(delivered))
	if len(pods) == 0 {
		where := "in namespace " + namespace
		if namespace == metav1.NamespaceAll {
			where = "in the cluster"
		}
		report.Notes = append(report.Notes, "there are no pods "+where+" to try the policies on")
	}
	report.Notes = append(report.Notes, o.narrowed(pods, selector)...)
	t.decide(report, pods, selector)
	return report, nil
}

func (o *options) print(report *Report) error {
	for _, note := range report.Notes {
		fmt.Fprintf(o.ErrOut, "note: %s\n", note)
	}
	switch o.output {
	case "json":
		encoder := json.NewEncoder(o.Out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ")
		return encoder.Encode(report)
	case "yaml":
		text, err := yaml.Marshal(report)
		if err != nil {
			return err
		}
		_, err = o.Out.Write(text)
		return err
	}
	r := &renderer{out: o.Out, painter: terminal.Painter(terminal.Of(o.Out).Coloured()), full: o.full}
	return r.report(report)
}
