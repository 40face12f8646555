package library

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func newTemplatesShow(frame *command.Frame) *cobra.Command {
	var (
		scripts bool
		printer *command.Print
		source  = &templateSource{frame: frame}
	)
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a template does, and how to use it",
		Long:  `Show what a template does: its params, its hooks by their stages with their commands, and how to use it.`,
		Example: `  # Show a template
  kubectl quiesce templates show postgresql

  # With the text of its scripts
  kubectl quiesce templates show postgresql --scripts

  # One that comes with this plugin, without a cluster
  kubectl quiesce templates show postgresql --delivered`,
		Args:              command.One("the NAME of a template"),
		ValidArgsFunction: command.First(source.complete),
		RunE: func(c *cobra.Command, args []string) error {
			template, err := source.template(c, args[0])
			if err != nil {
				return err
			}
			if printer.Objects() {
				return printObject(frame.Out, printer, template)
			}
			width, _ := terminal.Of(frame.Out).Size()
			showTemplate(page{frame.Out, min(width, widest)}, template, scripts, source.delivered)
			return nil
		},
	}
	c.Flags().BoolVar(&scripts, "scripts", false, "Show the text of scripts.")
	source.addFlag(c)
	printer = command.NewPrint(c)
	return c
}

// widest is how long a line of text may be that is easily read.
const widest = 110

// page is where paragraphs are written.
type page struct {
	to    io.Writer
	width int
}

// Write implements io.Writer. What others have written cannot do anything to the terminal.
func (p page) Write(text []byte) (int, error) {
	if _, err := io.WriteString(p.to, terminal.Escape(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// text writes a paragraph behind a heading, or indented alone.
func (p page) text(indent int, text string) {
	margin := strings.Repeat(" ", indent)
	line := margin
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > p.width && line != margin {
			fmt.Fprintln(p, line)
			line = margin
		}
		if line != margin {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(p, line)
}

// lines writes text as it is, indented.
func (p page) lines(indent int, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = strings.Repeat(" ", indent) + line
		}
		fmt.Fprintln(p, line)
	}
}

func showTemplate(p page, template *v1alpha1.HookTemplate, scripts, delivered bool) {
	spec := &template.Spec
	fmt.Fprintf(p, "Name:         %s\nApplication:  %s\nVersion:      %s\n", template.Name, spec.Application, version(template))
	if !delivered { // it is in no cluster
		fmt.Fprintf(p, "Used by:      %s\n", orNone(template.Status.Users))
	}
	if spec.Description != "" {
		fmt.Fprintln(p, "Description:")
		p.text(2, spec.Description)
	}
	fmt.Fprintln(p, "Suggested for:")
	for _, line := range suggestion(&spec.Selector) {
		fmt.Fprintln(p, "  "+line)
	}
	fmt.Fprintln(p, "Params:")
	if len(spec.Params) == 0 {
		fmt.Fprintln(p, "  "+none)
	}
	for i := range spec.Params {
		showParam(p, &spec.Params[i])
	}
	fmt.Fprintln(p, "Hooks:")
	for _, stage := range usage.Stages(spec.Hooks) {
		fmt.Fprintf(p, "  %s:\n", stage)
		for i := range spec.Hooks {
			hook := &spec.Hooks[i]
			if plan.IsPost(stage) { // as they run
				hook = &spec.Hooks[len(spec.Hooks)-1-i]
			}
			if slices.Contains(hook.Stages, stage) {
				showHook(p, hook, scripts)
			}
		}
	}
	fmt.Fprintf(p, "Use it:\n  %s\n", useExample(template))
}

// suggestion is a selector, a line each.
func suggestion(selector *v1alpha1.PolicySelector) []string {
	var lines []string
	add := func(what string, texts ...string) {
		for _, text := range texts {
			lines = append(lines, what+" "+text)
		}
	}
	add("namespace", plain(selector.IncludedNamespaces)...)
	add("not namespace", plain(selector.ExcludedNamespaces)...)
	if labels, err := selector.NamespaceSelector.Compile(); err == nil && !labels.Empty() {
		add("namespaces with", labels.String())
	}
	if labels, err := selector.LabelSelector.Compile(); err == nil && !labels.Empty() {
		add("pods with", labels.String())
	}
	add("image", plain(selector.ContainerImages)...)
	add("not image", plain(selector.ExcludedContainerImages)...)
	if len(lines) == 0 {
		return []string{"all pods of opted-in namespaces"}
	}
	return lines
}

func plain[T ~string](texts []T) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = string(text)
	}
	return all
}

func showParam(p page, param *v1alpha1.TemplateParam) {
	var about []string
	if param.Required {
		about = append(about, "required")
	}
	if param.Secret {
		about = append(about, "secret: a key of a Secret")
	}
	if param.Default != "" {
		about = append(about, "default "+quote(param.Default))
	}
	if param.Pattern != "" {
		about = append(about, "matches "+param.Pattern)
	}
	heading := param.Name
	if len(about) > 0 {
		heading += "  (" + strings.Join(about, "; ") + ")"
	}
	fmt.Fprintln(p, "  "+heading)
	if param.Usage != "" {
		p.text(6, param.Usage)
	}
}

// useExample is a command that uses a template, with what it must be given.
func useExample(template *v1alpha1.HookTemplate) string {
	words := []string{"kubectl quiesce templates use", template.Name, "--as", template.Name}
	for i := range template.Spec.Params {
		if param := &template.Spec.Params[i]; param.Required {
			words = append(words, example(param))
		}
	}
	return strings.Join(words, " ")
}
