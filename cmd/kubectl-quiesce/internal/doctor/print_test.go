package doctor

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/terminal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// spoiled is a report with findings of each severity.
func spoiled(t *testing.T) *Report {
	t.Helper()
	facts := wellFacts(t)
	facts.Controller.Value.Spec.Replicas = new(int32(0))
	facts.Skew.Value = 2 * time.Minute
	facts.CA = Fact[[]byte]{Lacks: right("get", "secrets", defaultRelease)}
	facts.Served = Fact[[]Served]{Lacks: right("create", "pods/portforward", defaultRelease)}
	facts.StampTrial = Fact[*StampTrial]{}
	facts.AppPods.Value[0].Annotations = nil
	return newReport(facts)
}

func TestAReportIsPrinted(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer, *Report){
		"pipe.txt":     func(to *bytes.Buffer, report *Report) { printText(to, report, false, false) },
		"terminal.txt": func(to *bytes.Buffer, report *Report) { printText(to, report, true, false) },
		"colours.txt":  func(to *bytes.Buffer, report *Report) { printText(to, report, true, terminal.Painter(true)) },
		"report.json":  func(to *bytes.Buffer, report *Report) { require.NoError(t, printAs(to, "json", report)) },
		"report.yaml":  func(to *bytes.Buffer, report *Report) { require.NoError(t, printAs(to, "yaml", report)) },
	} {
		t.Run(name, func(t *testing.T) {
			var printed bytes.Buffer
			write(&printed, spoiled(t))
			golden := filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.WriteFile(golden, printed.Bytes(), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), printed.String())
		})
	}
}
