package library

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// format is how a list is printed: as a table, or as kubectl prints objects.
type format struct {
	flags     *genericclioptions.PrintFlags
	noHeaders bool
}

func newFormat(c *cobra.Command) *format {
	f := &format{flags: genericclioptions.NewPrintFlags("")}
	f.flags.AddFlags(c)
	output := c.Flags().Lookup("output")
	output.Usage = strings.Replace(output.Usage, "One of: (", "One of: (wide, ", 1)
	c.Flags().BoolVar(&f.noHeaders, "no-headers", false, "Print a table without its first line, which names the columns.")
	completeValues(c, "output", append(f.flags.AllowedFormats(), "wide")...)
	return f
}

func (f *format) wide() bool { return *f.flags.OutputFormat == "wide" }

// isTable tells whether people read it.
func (f *format) isTable() bool {
	return f.wide() || *f.flags.OutputFormat == "" && *f.flags.TemplatePrinterFlags.TemplateArgument == ""
}

// list prints objects as kubectl prints a list.
func (f *format) list(out io.Writer, items []unstructured.Unstructured) error {
	printer, err := f.flags.ToPrinter()
	if err != nil {
		return err
	}
	return printer.PrintObj(&unstructured.UnstructuredList{
		Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": ""}},
		Items:  items,
	}, out)
}

// table is rows of cells. Columns whose heading begins with a star are for -o wide.
type table struct {
	columns []string
	rows    [][]string
}

const wideOnly = "*"

// print writes a table whose rows are sorted already.
func (f *format) print(out io.Writer, t table) error {
	w := printers.GetNewTabWriter(out)
	line := func(cells []string) {
		var shown []string
		for i, cell := range cells {
			if f.wide() || !strings.HasPrefix(t.columns[i], wideOnly) {
				shown = append(shown, strings.Join(strings.Fields(cell), " "))
			}
		}
		fmt.Fprintln(w, strings.Join(shown, "\t"))
	}
	if !f.noHeaders {
		headings := slices.Clone(t.columns)
		for i := range headings {
			headings[i] = strings.TrimPrefix(headings[i], wideOnly)
		}
		line(headings)
	}
	for _, row := range t.rows {
		line(row)
	}
	return w.Flush()
}

// none is an empty cell, as kubectl has it.
const none = "<none>"

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

func age(created metav1.Time) string {
	if created.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(created.Time))
}

// size is a number of bytes for people.
func size(bytes int) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
}

// read makes objects of ours of what the API server has sent.
func read[T any](items []unstructured.Unstructured) ([]T, error) {
	all := make([]T, len(items))
	for i := range items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(items[i].Object, &all[i]); err != nil {
			return nil, fmt.Errorf("reading %s %s: %w", items[i].GetKind(), items[i].GetName(), err)
		}
	}
	return all, nil
}

func completeValues(c *cobra.Command, flag string, values ...string) {
	// It fails where there is no such flag, or where it is completed already: neither can be.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// printObject prints an object as kubectl get -o does.
func printObject(out io.Writer, flags *genericclioptions.PrintFlags, object client.Object) error {
	printer, err := flags.ToPrinter()
	if err != nil {
		return err
	}
	plain, err := plainly(object)
	if err != nil {
		return err
	}
	return printer.PrintObj(plain, out)
}

// readiness is the status of the condition Ready.
func readiness(conditions []metav1.Condition) string {
	if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready != nil {
		return string(ready.Status)
	}
	return string(metav1.ConditionUnknown)
}

// named is an object as kubectl names it when it tells what became of it, such as hookscript.quiesce.io/verify-db.
func named(object client.Object) string {
	return fmt.Sprintf("%s.%s/%s", strings.ToLower(kindOf(object)), v1alpha1.GroupVersion.Group, object.GetName())
}
