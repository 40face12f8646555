package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Print is how a command prints objects: in formats of its own, or as kubectl get -o does.
type Print struct {
	flags *genericclioptions.PrintFlags
	own   []string
}

// NewPrint adds kubectl's flags for printing objects, -o and --template among them. A command may have formats of its own beside kubectl's,
// such as wide. What cannot be printed is refused before the command runs, and so before a cluster is asked.
func NewPrint(c *cobra.Command, own ...string) *Print {
	p := &Print{flags: genericclioptions.NewPrintFlags(""), own: own}
	p.flags.AddFlags(c)
	output := c.Flags().Lookup("output")
	output.Usage = "Output format: " + alternatives(p.formats()) + "."
	CompleteFlag(c, "output", cobra.FixedCompletions(p.formats(), cobra.ShellCompDirectiveNoFileComp))
	c.PreRunE = func(c *cobra.Command, _ []string) error { return p.check(c) }
	return p
}

// formats are the command's own, then kubectl's, without the older names of some.
func (p *Print) formats() []string {
	return append(slices.Clone(p.own), slices.DeleteFunc(p.flags.AllowedFormats(), func(format string) bool {
		return format == "template" || format == "templatefile"
	})...)
}

func (p *Print) check(c *cobra.Command) error {
	if slices.Contains(p.own, p.Format()) {
		return nil
	}
	_, err := p.flags.ToPrinter()
	switch {
	case genericclioptions.IsNoCompatiblePrinterError(err):
		return UsageErrorf(c, "--output %q: write %s", p.Format(), alternatives(p.formats()))
	case err != nil:
		return UsageErrorf(c, "--output %q: %w", p.Format(), err)
	}
	return nil
}

// Format is what -o says; empty where there is none.
func (p *Print) Format() string { return *p.flags.OutputFormat }

// Objects tells whether objects are asked for as kubectl prints them, and not for what the command prints by itself or in a format of its own.
func (p *Print) Objects() bool {
	return p.Format() != "" && !slices.Contains(p.own, p.Format()) || *p.flags.TemplatePrinterFlags.TemplateArgument != ""
}

// Object prints an object, or a list of them, as kubectl get -o does; and where no format is given, its name.
func (p *Print) Object(out io.Writer, object runtime.Object) error { return p.Done(out, "", object) }

// Done prints an object as kubectl does that has done something with it: as -o says, or else its name and what was done, such as created.
func (p *Print) Done(out io.Writer, operation string, object runtime.Object) error {
	p.flags.NamePrintFlags.Operation = operation
	printer, err := p.flags.ToPrinter()
	if err != nil {
		return fmt.Errorf("printing as %s: %w", strings.TrimSpace(p.Format()), err)
	}
	return printer.PrintObj(object, out)
}
