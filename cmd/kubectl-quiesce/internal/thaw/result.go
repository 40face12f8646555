package thaw

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/liggitt/tabwriter"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

// verdict is what came of a step, in a word.
type verdict string

const (
	thawed  verdict = "Thawed"
	nothing verdict = "Nothing" // there was nothing to thaw any more
	failed  verdict = "Failed"
)

// result is what came of a step.
type result struct {
	pod, container, hook string
	verdict              verdict
	took                 time.Duration
	message              string
}

// results prints each as it comes, and counts those that failed.
type results struct {
	lock   sync.Mutex
	out    *tabwriter.Writer
	headed bool
	failed int
	err    error
}

func newResults(out io.Writer) *results { return &results{out: printers.GetNewTabWriter(out)} }

func (r *results) add(one result) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if !r.headed {
		r.headed = true
		fmt.Fprintln(r.out, "POD\tCONTAINER\tHOOK\tRESULT\tTOOK\tMESSAGE")
	}
	if one.verdict == failed {
		r.failed++
	}
	row := []string{cmp.Or(one.pod, "-"), cmp.Or(one.container, "-"), one.hook, string(one.verdict), terminal.Duration(one.took), one.message}
	for i := range row {
		row[i] = terminal.Line(row[i])
	}
	fmt.Fprintln(r.out, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	r.err = cmp.Or(r.err, r.out.Flush())
}
