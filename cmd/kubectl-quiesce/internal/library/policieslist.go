package library

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newPoliciesList(frame *command.Frame) *cobra.Command {
	var (
		selector string
		all      bool
		f        *format
	)
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List policies of both kinds",
		Long: `List policies of both kinds: HookPolicies, and the NamespacedHookPolicies of the namespace.

READY is whether a policy is in use, MATCHED for how many pods it has hooks, and STAMPED how many carry them.`,
		Example: `  # List HookPolicies, and the NamespacedHookPolicies of namespace shop
  kubectl quiesce policies list -n shop

  # Those of all namespaces, and why some are not ready
  kubectl quiesce policies list -A -o wide`,
		Args:              command.None(""),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			namespace, err := frame.Namespace()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			found, err := findPolicies(c, frame, namespace, selector, false)
			if err != nil {
				return err
			}
			if f.Objects() {
				return f.list(frame.Out, found.items)
			}
			if len(found.read) == 0 {
				where := ""
				if namespace != "" {
					where = fmt.Sprintf(" in %s namespace", namespace)
				}
				fmt.Fprintf(frame.ErrOut, "No resources found%s\n", where)
				return nil
			}
			return f.print(frame.Out, policiesTable(found.read, all))
		},
	}
	command.AllNamespacesFlag(c.Flags(), &all, "NamespacedHookPolicies")
	command.SelectorFlag(c.Flags(), &selector, "Policies", "team=storage")
	f = newFormat(c)
	return c
}

// policiesTable has the columns that kubectl get has for either kind in its order, and ahead of them what tells policies of both apart.
// Namespaces are told where there may be several, as kubectl does.
func policiesTable(all []policy, namespaces bool) table {
	t := table{columns: []string{"NAMESPACE", "NAME", "KIND", "TEMPLATE", "MATCHED", "STAMPED", "SUSPENDED", "READY", "AGE",
		wideOnly + "STAGES", wideOnly + "PRIORITY", wideOnly + "REASON", wideOnly + "MESSAGE"}}
	for _, p := range all {
		template := ""
		if p.spec.Template != nil {
			template = p.spec.Template.Name
		}
		var reason, message string
		if ready := meta.FindStatusCondition(p.status.Conditions, v1alpha1.ConditionReady); ready != nil {
			reason, message = ready.Reason, ready.Message
		}
		t.rows = append(t.rows, []string{
			orNone(p.Namespace), p.Name, p.Kind(), orNone(template), strconv.Itoa(int(p.status.MatchedPods)), strconv.Itoa(int(p.status.StampedPods)),
			strconv.FormatBool(p.spec.Suspend), readiness(p.status.Conditions), age(p.created),
			orNone(p.status.Stages), strconv.Itoa(int(p.spec.Priority)), orNone(reason), orNone(message),
		})
	}
	if !namespaces {
		return t.without("NAMESPACE")
	}
	return t
}
