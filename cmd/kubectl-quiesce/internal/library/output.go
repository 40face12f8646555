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
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// format is how a list is printed: as a table, or as kubectl prints objects.
type format struct {
	*command.Print
	noHeaders bool
}

const wideFormat = "wide"

func newFormat(c *cobra.Command) *format {
	f := &format{Print: command.NewPrint(c, wideFormat)}
	command.NoHeadersFlag(c.Flags(), &f.noHeaders)
	return f
}

func (f *format) wide() bool { return f.Format() == wideFormat }

// list prints objects as kubectl prints a list.
func (f *format) list(out io.Writer, items []unstructured.Unstructured) error {
	return f.Object(out, &unstructured.UnstructuredList{
		Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": ""}},
		Items:  items,
	})
}

// table is rows of cells. Columns whose heading begins with a star are for -o wide.
type table struct {
	columns []string
	rows    [][]string
}

const wideOnly = "*"

// without is the table but for a column.
func (t table) without(column string) table {
	at := slices.Index(t.columns, column)
	narrowed := table{columns: slices.Delete(slices.Clone(t.columns), at, at+1)}
	for _, row := range t.rows {
		narrowed.rows = append(narrowed.rows, slices.Delete(slices.Clone(row), at, at+1))
	}
	return narrowed
}

// print writes a table whose rows are sorted already.
func (f *format) print(out io.Writer, t table) error {
	w := printers.GetNewTabWriter(out)
	line := func(cells []string) {
		var shown []string
		for i, cell := range cells {
			if f.wide() || !strings.HasPrefix(t.columns[i], wideOnly) {
				shown = append(shown, terminal.Line(cell))
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
