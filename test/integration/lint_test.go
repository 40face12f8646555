package integration

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// lintFinding is what kubectl quiesce lint has to say of a place.
type lintFinding struct {
	Line                     int
	Severity, Field, Message string
}

// lint runs kubectl quiesce lint on objects by their names, one a document, and returns what it finds in each.
func lint(t *testing.T, objects map[string]any) map[string][]lintFinding {
	t.Helper()
	var (
		input  bytes.Buffer
		names  = slices.Sorted(maps.Keys(objects))
		starts []int
	)
	for _, name := range names {
		document, err := yaml.Marshal(objects[name])
		require.NoError(t, err)
		starts = append(starts, bytes.Count(input.Bytes(), []byte("\n"))+1)
		input.WriteString("---\n")
		input.Write(document)
	}
	command := exec.Command(filepath.Join(binaries, "kubectl-quiesce"), "lint", "-f", "-", "-o", "json")
	var out, errOut bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = &input, &out, &errOut
	if err := command.Run(); err != nil {
		require.Equal(t, 1, command.ProcessState.ExitCode(), errOut.String())
	}
	var all []lintFinding
	require.NoError(t, json.Unmarshal(out.Bytes(), &all), errOut.String())
	found := map[string][]lintFinding{}
	for _, finding := range all {
		at, exact := slices.BinarySearch(starts, finding.Line)
		if !exact {
			at--
		}
		found[names[at]] = append(found[names[at]], finding)
	}
	return found
}

// assertLintAgrees holds kubectl quiesce lint to what the API server or the webhook refuses: it finds an error in each.
func assertLintAgrees(t *testing.T, refused map[string]any) {
	t.Helper()
	found := lint(t, refused)
	for name := range refused {
		isError := func(finding lintFinding) bool { return finding.Severity == "error" }
		assert.True(t, slices.ContainsFunc(found[name], isError), "%s: the API server refuses it, and lint finds %v", name, found[name])
	}
}

// assertLintFindsNothing holds it to what the API server takes.
func assertLintFindsNothing(t *testing.T, taken map[string]any) {
	t.Helper()
	for name, findings := range lint(t, taken) {
		for _, finding := range findings {
			if finding.Severity == "error" {
				t.Errorf("%s: the API server takes it, and lint finds: %s (%s)", name, finding.Message, finding.Field)
			}
		}
	}
}
