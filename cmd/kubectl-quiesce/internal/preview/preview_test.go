package preview

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// run is what the command prints, and its exit code.
func run(t *testing.T, stdin string, arguments ...string) (out, errOut string, code int) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	streams, in, stdout, stderr := genericiooptions.NewTestIOStreams()
	in.WriteString(stdin)
	root, frame := command.NewRoot(streams)
	root.AddCommand(New(frame))
	code = command.Execute(root, streams, append([]string{"preview"}, arguments...))
	return stdout.String(), stderr.String(), code
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestAPreviewOfFiles(t *testing.T) {
	out, errOut, code := run(t, "", "-f", "testdata/policies.yaml", "-f", "testdata/pods.yaml")
	assert.Equal(t, 1, code, "a policy is refused")
	golden(t, "report.txt", out)
	golden(t, "notes.txt", errOut)
	full, _, _ := run(t, "", "-f", "testdata/policies.yaml", "-f", "testdata/pods.yaml", "--full")
	golden(t, "full.txt", full)
	asJSON, _, _ := run(t, "", "-f", "testdata/policies.yaml", "-f", "testdata/pods.yaml", "-o", "json")
	golden(t, "report.json", asJSON)
}

func TestACommandLineThatMakesNoSense(t *testing.T) {
	for name, test := range map[string]struct {
		stdin     string
		arguments []string
		code      int
		want      string
	}{
		"no files":                   {"", nil, 2, "error: write the files to try, such as -f policy.yaml, or -f - for standard input\nSee 'kubectl quiesce preview --help'\n"},
		"all namespaces of files":    {"", []string{"-f", "-", "-A"}, 2, "error: -A is for --cluster: files say themselves in which namespace their objects are\nSee 'kubectl quiesce preview --help'\n"},
		"no policy":                  {"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", []string{"-f", "-"}, 1, "error: there is no policy in the files: write one of kind HookPolicy or NamespacedHookPolicy, or add its file with -f\n"},
		"labels that are none":       {"", []string{"-f", "-", "-l", "a in"}, 2, "error: -l \"a in\": write labels such as app=postgres,tier!=cache\nSee 'kubectl quiesce preview --help'\n"},
		"a format that there is not": {"", []string{"-f", "-", "-o", "xml"}, 2, "error: --output \"xml\": write json or yaml\nSee 'kubectl quiesce preview --help'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, errOut, code := run(t, test.stdin, test.arguments...)
			assert.Equal(t, test.code, code)
			assert.Equal(t, test.want, errOut)
		})
	}
}

func flush(name string, priority int32, commands ...string) v1alpha1.HookPolicy {
	policy := v1alpha1.HookPolicy{}
	policy.Name = name
	policy.Spec.Priority = priority
	for _, command := range commands {
		hook := v1alpha1.Hook{Name: command, Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}}
		hook.Exec = &v1alpha1.ExecAction{Command: []string{command}}
		policy.Spec.Hooks = append(policy.Spec.Hooks, hook)
	}
	return policy
}

func TestOnlyPodsForWhichTheFilesMakeADifferenceAreShown(t *testing.T) {
	other := flush("other", 0, "other")
	other.Spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{"elsewhere"}
	base := world.Of(policies.Objects{Cluster: []v1alpha1.HookPolicy{flush("flush", 0, "old"), other}}, stamp.Options{}, match.Scope{})
	files := []manifest.File{manifest.Read("f", []byte(`
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: flush}
spec:
  selector: {includedNamespaces: [shop]}
  hooks: [{name: new, stages: [PreSnapshot], exec: {command: [new]}}]
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: elsewhere}, spec: {containers: [{name: c, image: i}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: nowhere}, spec: {containers: [{name: c, image: i}]}}
`))}
	contents, err := read(t.Context(), files, "default")
	require.NoError(t, err)
	for i := range contents.pods { // as the cluster has stamped them
		c := &contents.pods[i]
		decision := base.Compiled.Decide(match.UnknownNamespace(c.namespace), stamp.Pod{Pod: world.PodOf(c.pod).Pod})
		c.pod.Annotations = decision.Set
	}
	next := contents.applied(base)
	changed := &trial{World: next, base: base, touched: contents.compare(base, next)}
	report := newReport(contents.listed, contents.refused)
	changed.decide(report, contents.pods, labels.Everything())
	require.Len(t, report.Policies, 1)
	assert.Equal(t, "Configured", report.Policies[0].Change)
	assert.Equal(t, 1, report.Policies[0].Pods)
	var shown []string
	for _, pods := range report.Pods {
		shown = append(shown, pods.Namespace+"/"+pods.Name)
	}
	assert.Equal(t, []string{"elsewhere/b", "nowhere/c", "shop/a"}, shown, "the policy selects them no longer, or otherwise")
	assert.Empty(t, report.Pods[1].Annotations.After)
	assert.Equal(t, `["new"]`, report.Pods[2].Annotations.After["pre.hook.backup.velero.io/command"])
	assert.Contains(t, report.Pods[0].Annotations.After["quiesce.io/stamp"], "hookpolicy/other")

	unchanged := &trial{World: base, base: base, touched: map[match.Ref]bool{}}
	report = newReport(nil, nil)
	unchanged.decide(report, contents.pods, labels.Everything())
	assert.Empty(t, report.Pods)
	assert.Equal(t, 3, report.Unmatched)
}

func TestAReportIsReadBackFromJSON(t *testing.T) {
	out, _, _ := run(t, "", "-f", "testdata/policies.yaml", "-f", "testdata/pods.yaml", "-o", "json")
	var report Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, "Preview", report.Kind)
	assert.Equal(t, 6, report.Matched)
}
