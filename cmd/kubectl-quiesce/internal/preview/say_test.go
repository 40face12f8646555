package preview

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/lint"
	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// shop is a policy of namespace shop, and two workloads that name none.
const shop = `
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: db}
spec:
  selector: {includedNamespaces: [shop], labelSelector: {matchLabels: {tier: backend}}}
  hooks: [{name: flush, stages: [PreSnapshot], exec: {command: [sync]}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec: {template: {metadata: {labels: {app: db, tier: backend}}, spec: {containers: [{name: db, image: db}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: queue}
spec: {replicas: 2, template: {metadata: {labels: {app: queue, tier: backend}}, spec: {containers: [{name: queue, image: queue}]}}}
`

func TestOfPodsThatAreNotMatchedTheReasonIsSaid(t *testing.T) {
	out, errOut, code := run(t, shop, "-f", "-")
	assert.Equal(t, command.ExitOK, code)
	assert.Contains(t, out, "Deployment default/queue (2 pods) is not matched\n"+
		"  HookPolicy \"db\": spec.selector.includedNamespaces: \"shop\" does not match namespace default\n")
	assert.Contains(t, errOut, "note: pods and workloads that name no namespace are taken to be in namespace default: write -n for another\n")

	out, errOut, _ = run(t, shop, "-f", "-", "-n", "shop")
	assert.Contains(t, out, "3 pods matched, 0 not")
	assert.NotContains(t, errOut, "write -n for another")
}

func TestASelectorNarrowsWhatIsShownAndNotTheSession(t *testing.T) {
	out, errOut, _ := run(t, shop, "-f", "-", "-n", "shop", "-l", "app=db")
	assert.Contains(t, errOut, "note: -l app=db selects 1 of 3 pods: only these are shown, and sessions are planned with all of them\n")
	assert.Contains(t, out, "1 pod matched, 0 not")
	assert.NotContains(t, out, "Deployment shop/queue")
	assert.Contains(t, out, "1 pod of Deployment db, container db; 2 pods of Deployment queue, container queue")

	_, errOut, _ = run(t, shop, "-f", "-", "-n", "shop", "-l", "app=nomatch")
	assert.Contains(t, errOut, "note: -l app=nomatch selects none of 3 pods\n")
	assert.NotContains(t, errOut, "there are no pods")
}

// TestAPreviewSaysOfAMistakeWhatLintSays compares them in their words and places, all of them in all policies.
func TestAPreviewSaysOfAMistakeWhatLintSays(t *testing.T) {
	const content = `
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: shape}
spec:
  priority: high
  hooks:
  - {name: a, stages: [PreSnapshot], exec: {command: [-a]}, timeout: 1d}
  - {name: b, stages: [PreSnapshot], exec: {command: [-b]}}
---
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: meaning}
spec:
  hooks:
  - {name: a, stages: [PreSnapshot], exec: {command: [-a]}}
---
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: misspelt}
spec:
  template: {name: postgress}
---
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata: {name: scriptless}
spec:
  hooks:
  - {name: a, stages: [PreSnapshot], script: {name: nosuch}}
`
	judged, _, err := lint.Judge(t.Context(), []manifest.File{manifest.Read("-", []byte(content))})
	require.NoError(t, err)
	out, _, code := run(t, content, "-f", "-", "-o", "json")
	assert.Equal(t, command.ExitFailure, code)
	var report Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Len(t, report.Policies, len(judged))
	type said struct {
		line, column   int
		field, message string
	}
	for i, policy := range report.Policies {
		var want, got []said
		for _, finding := range judged[i].Findings {
			want = append(want, said{finding.Line, finding.Column, finding.Field, finding.Message})
		}
		for _, finding := range policy.Mistakes {
			got = append(got, said{finding.Line, finding.Column, finding.Field, finding.Message})
		}
		assert.NotEmpty(t, got, policy.Name)
		assert.Equal(t, want, got, policy.Name)
	}
}

func TestOfTwoPoliciesOfOneNameItIsSaidWhichCounts(t *testing.T) {
	out, _, _ := run(t, shop+"---"+shop, "-f", "-", "-n", "shop")
	assert.Contains(t, out, "HookPolicy \"db\": selects 6 pods\n  warning: HookPolicy \"db\" is at -:2:1 as well, and this one would take its place")
}

func TestWhatCannotBeReadIsSaidWithItsPlace(t *testing.T) {
	out, _, code := run(t, shop+"---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: y\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: 1}\n", "-f", "-", "-n", "shop")
	assert.Equal(t, command.ExitFailure, code)
	assert.Contains(t, out, "-:22:3: metadata.name: it is true or false and must be a string: write it in quotes\n")
	assert.Contains(t, out, "-:27:8: Pod \"a\" cannot be used: spec.containers: it is a number and must be a list\n")
}
