package library

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newScriptsAdd(frame *command.Frame) *cobra.Command {
	var (
		file, notes string
		w           *writing
	)
	c := &cobra.Command{
		Use:   "add NAME -f FILE",
		Short: "Add a script from a file or standard input",
		Long: `Add a script from a file or standard input, under a name by which hooks refer to it.

It is checked before it is sent: its first line must name the interpreter, and it may have at most 98,304 bytes, in UTF-8, with
Unix line endings. With --replace it takes the place of the script that has the name already, for all hooks that run it: these are
listed.`,
		Example: `  # Add a script from a file
  kubectl quiesce scripts add verify-db -f verify-db.sh

  # Add one from standard input, with a note for people
  generate-script | kubectl quiesce scripts add verify-db -f - --notes 'Looked after by the storage team.'

  # See whose hooks would run it, and what the API server says, before it takes the place of the script that is there
  kubectl quiesce scripts add verify-db -f verify-db.sh --replace --dry-run=server

  # Write it as YAML, for a repository
  kubectl quiesce scripts add verify-db -f verify-db.sh --dry-run=client -o yaml > verify-db.yaml`,
		Args:              command.One("the NAME that the script is to have"),
		ValidArgsFunction: command.First(frame.CompleteScripts),
		RunE: func(c *cobra.Command, args []string) error {
			if file == "" {
				return command.UsageErrorf(c, "write -f with the script's file, or -f - for standard input")
			}
			if err := w.check(c); err != nil {
				return err
			}
			name, err := command.Scripts.NameOf(args[0])
			if err != nil {
				return command.UsageErrorf(c, "%w", err)
			}
			text, err := readScript(frame.In, file)
			if err != nil {
				return err
			}
			_, err = send(c.Context(), w, replacement[*v1alpha1.HookScript]{
				fresh: &v1alpha1.HookScript{
					ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.HookScriptSpec{Notes: notes, Script: text}},
				existing: &v1alpha1.HookScript{},
				change: func(existing *v1alpha1.HookScript) {
					existing.Spec.Script = text
					if c.Flags().Changed("notes") {
						existing.Spec.Notes = notes
					}
				},
				look:    "kubectl quiesce scripts show " + name,
				reaches: func(existing *v1alpha1.HookScript) { tellUsers(frame, existing.Name, &existing.Status.Usage) },
			})
			return err
		},
	}
	c.Flags().StringVarP(&file, "filename", "f", "", "File that has the script; - for standard input.")
	c.Flags().StringVar(&notes, "notes", "", "Notes for people: what the script does, who looks after it.")
	w = newWriting(frame, c)
	return c
}

// tellUsers says whose hooks change with a script, in the webhook's words, and then each of them.
func tellUsers(frame *command.Frame, name string, used *v1alpha1.Usage) {
	if used.Users == "" {
		return
	}
	frame.Warn(fmt.Sprintf("%s is used by %s: the change reaches all of them", usage.Target{Kind: usage.Script, Name: name}, used.Users))
	listUsers(frame, used)
}

// listUsers names every hook that uses something of the library, as far as its status does.
func listUsers(frame *command.Frame, used *v1alpha1.Usage) {
	for _, use := range used.UsedBy {
		user := use.Kind + "/" + use.Name
		if use.Namespace != "" {
			user = use.Kind + "/" + use.Namespace + "/" + use.Name
		}
		if use.Hook != "" {
			user += ": " + use.Hook
		}
		fmt.Fprintf(frame.ErrOut, "  %s (%s)\n", user, strings.Join(stageNames(use.Stages), ", "))
	}
	if more := int(used.Uses) - len(used.UsedBy); more > 0 {
		fmt.Fprintf(frame.ErrOut, "  and %d more\n", more)
	}
}

func stageNames(stages []v1alpha1.Stage) []string {
	names := make([]string, len(stages))
	for i, stage := range stages {
		names[i] = string(stage)
	}
	return names
}
