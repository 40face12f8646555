package preview

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkStartUp runs the whole program on the files of docs/cli.md, from its start to its end: with a cluster, people wait for that too.
func BenchmarkStartUp(b *testing.B) {
	program := filepath.Join(b.TempDir(), "kubectl-quiesce")
	output, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, "../..").CombinedOutput()
	require.NoError(b, err, "%s", output)

	const files = "../../../../docs/cli/"
	var processor time.Duration
	for b.Loop() {
		run := exec.CommandContext(b.Context(), program, "preview", "-f", files+"policy.yaml", "-f", files+"shop.yaml", "-n", "shop")
		output, err := run.CombinedOutput()
		require.NoError(b, err, "%s", output)
		require.Contains(b, string(output), "Deployment shop/web")
		processor += run.ProcessState.UserTime() + run.ProcessState.SystemTime()
	}
	b.ReportMetric(float64(processor.Milliseconds())/float64(b.N), "processor-ms/op")
}
