// Package explain says why hooks run in a pod or do not: which policies select it and by which line, what it carries for
// Velero, and what a session and a restore would do.
package explain

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// New returns `kubectl quiesce explain`.
func New(frame *command.Frame) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "explain (TYPE/NAME | TYPE NAME | NAME)",
		Short: "Say why hooks run in a pod or do not",
		Long: `Say why hooks run in a pod or do not.

Shows whether the namespace takes part; every policy in order of precedence, and which line of its selector selects the pod or
does not; what the pod carries for Velero, whether that is up to date, and which annotations are its user's own; which hooks a
session runs, in order; and what a restore would add.

NAME alone is a pod. A deployment, statefulset, daemonset or replicaset is explained by its pods, those that are alike together,
or by its pod template while it has none. What you may not read is shown as not known.`,
		Example: `  # Why does, or does not, a hook run in this pod?
  kubectl quiesce explain db-0 -n shop

  # The same for all pods of a workload
  kubectl quiesce explain statefulset/db -n shop

  # For a script: does any policy select the pod?
  kubectl quiesce explain pod/db-0 -n shop -o json | jq '.groups[].policies[] | select(.verdict == "Selected") | .name'`,
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return complete(c, frame, args, word)
		},
		RunE: func(c *cobra.Command, args []string) error {
			wanted, err := parse(c, args)
			if err != nil {
				return err
			}
			namespace, err := frame.Namespace()
			if err != nil {
				return err
			}
			cluster, err := frame.Client()
			if err != nil {
				return err
			}
			s, err := load(c.Context(), cluster, namespace, wanted)
			if err != nil {
				return err
			}
			return formats[output](frame.Out, s.report())
		},
	}
	command.Choice(c, &output, "output", "o", "Output format.", "json", "yaml")
	return c
}

// formats by their names in --output.
var formats = map[string]func(io.Writer, Report) error{
	"": func(out io.Writer, report Report) error {
		return write(out, terminal.Painter(terminal.Of(out).Coloured()), report)
	},
	"json": func(out io.Writer, report Report) error {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "    ") // as kubectl does
		return encoder.Encode(report)
	},
	"yaml": func(out io.Writer, report Report) error {
		text, err := yaml.Marshal(report)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	},
}

// complete offers names of pods and, behind TYPE/ or TYPE, of the type's objects.
func complete(c *cobra.Command, frame *command.Frame, args []string, word string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	typed, _, slash := strings.Cut(word, "/")
	prefix := ""
	switch {
	case len(args) == 1 && !strings.Contains(args[0], "/"):
		typed = args[0]
	case len(args) == 0 && slash:
		prefix = typed + "/"
	case len(args) == 0:
		typed = kinds[0].words[0]
	default:
		return nil, directive
	}
	wanted, err := parse(c, []string{typed, "any"})
	if err != nil {
		return nil, directive
	}
	namespace, err := frame.Namespace()
	if err != nil {
		return nil, directive
	}
	cluster, err := frame.Client()
	if err != nil {
		return nil, directive
	}
	list := wanted.list()
	if err := cluster.List(c.Context(), list, client.InNamespace(namespace)); err != nil {
		return nil, directive
	}
	var names []string
	_ = meta.EachListItem(list, func(object runtime.Object) error {
		if named, is := object.(client.Object); is && strings.HasPrefix(prefix+named.GetName(), word) {
			names = append(names, prefix+named.GetName())
		}
		return nil
	})
	if prefix == "" && len(args) == 0 {
		for _, kind := range kinds {
			if of := kind.words[0] + "/"; strings.HasPrefix(of, word) {
				names = append(names, of)
			}
		}
		return names, directive | cobra.ShellCompDirectiveNoSpace
	}
	return names, directive
}
