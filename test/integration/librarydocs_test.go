package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// runDocument runs the commands of a document, to the letter and one after another, as somebody who may write what Quiesce has.
func runDocument(t *testing.T, name string) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(repository, "docs", name))
	require.NoError(t, err)
	script := []string{"set -eu -o pipefail\n"}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		script = append(script, block[1])
	}
	writer := &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"quiesce.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}}}
	writer.Name = "docs-" + strings.TrimSuffix(name, ".md")
	command := exec.Command("bash", "-c", strings.Join(script, ""))
	command.Dir = t.TempDir()
	command.Env = person(kubeconfig(t, writer.Name, writer)).environment()
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
}

func get[T client.Object](t *testing.T, name string, object T) T {
	t.Helper()
	require.NoError(t, api.Get(t.Context(), client.ObjectKey{Name: name}, object))
	t.Cleanup(func() { _ = api.Delete(context.Background(), object) })
	return object
}

func TestScriptsAreAddedAsTheDocumentSays(t *testing.T) {
	runDocument(t, "scripts.md")
	verify := get(t, "verify-db", &v1alpha1.HookScript{})
	assert.Equal(t, "#!/bin/sh\n# Is the database $1 there, and does it answer?\nset -eu\npsql -U \"$PGUSER\" -d \"$1\" -Atc 'SELECT 1' | grep -qx 1\n", verify.Spec.Script)
	assert.Equal(t, "#!/bin/sh\necho \"hello from $(hostname)\"\n", get(t, "say-hello", &v1alpha1.HookScript{}).Spec.Script)
	assert.Equal(t, "#!/bin/sh\nsync\n", get(t, "sync-disks", &v1alpha1.HookScript{}).Spec.Script)
	require.NoError(t, library.CheckScript(&verify.Spec))
}

func TestTemplatesAreUsedAndCopiedAsTheDocumentSays(t *testing.T) {
	runDocument(t, "templates.md")
	template := get(t, "shop-mariadb", &v1alpha1.HookTemplate{})
	require.NoError(t, library.CheckTemplate(&template.Spec))
	l := &library.Library{Templates: map[string]*v1alpha1.HookTemplateSpec{template.Name: &template.Spec}}
	resolved, err := l.Resolve(&get(t, "mariadb", &v1alpha1.HookPolicy{}).Spec)
	require.NoError(t, err)
	assert.Equal(t, "SET SESSION lock_wait_timeout=30;\nFLUSH TABLES WITH READ LOCK;\nSELECT 'held';\n", resolved.Hooks[0].Hold.Stdin)

	assert.Equal(t, get(t, "mariadb", &v1alpha1.HookPolicy{}).Spec, get(t, "mariadb-again", &v1alpha1.HookPolicy{}).Spec)

	own := get(t, "mariadb-own", &v1alpha1.HookPolicy{})
	assert.Equal(t, own.Spec, get(t, "mariadb-cloned", &v1alpha1.HookPolicy{}).Spec)
	want := resolved.Hooks
	want[0].Hold.Stdin = strings.Replace(want[0].Hold.Stdin, "30", "10", 1)
	assert.Equal(t, want, own.Spec.Hooks)
	assert.Equal(t, template.Spec.Selector, own.Spec.Selector)
	assert.Equal(t, template.Spec, get(t, "our-mariadb", &v1alpha1.HookTemplate{}).Spec)
}

// Whatever is in a script, kubectl hands it over as it is.
func TestAnyScriptCanBeAddedFromAFile(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(repository, "docs/scripts.md"))
	require.NoError(t, err)
	command := regexp.MustCompile("(?s)```sh\n(kubectl create configmap verify-db .*?)```").FindStringSubmatch(string(document))
	require.Len(t, command, 2)
	source := "#!/bin/sh\n: '\t\x01\x1b \\ \"<&> ${x} $(y) `z` {.a} é🙂\u2028' # " + strings.Repeat("'\"\\\t ", 16_000) + "\n\n\n"
	require.NoError(t, library.CheckScript(&v1alpha1.HookScriptSpec{Script: source}))
	writer := &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"quiesce.io"}, Resources: []string{"hookscripts"}, Verbs: []string{"*"}}}}
	writer.Name = "docs-any-script"
	run := exec.Command("bash", "-c", "set -eu -o pipefail\n"+command[1])
	run.Dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir, "verify-db.sh"), []byte(source), 0o644))
	run.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig(t, writer.Name, writer), "PATH="+os.Getenv("KUBEBUILDER_ASSETS")+":"+os.Getenv("PATH"))
	output, err := run.CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Equal(t, source, get(t, "verify-db", &v1alpha1.HookScript{}).Spec.Script)
}
