//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/transcript"
)

var update = flag.Bool("update", false, "record the consoles of docs/cli.md anew, all in one story")

const (
	shopNamespace = "shop"
	cliDocs       = "../../docs/cli"
	// pages are what docs/cli.md is made from.
	pages = "../../cmd/kubectl-quiesce/internal/reference/pages"
)

// The consoles of docs/cli.md, in the order of a story. Not beside other tests: some commands tell of the whole cluster.
func TestTheConsolesOfTheDocsShowWhatCommandsPrint(t *testing.T) {
	s := newStory(t)
	names := transcript.NewNames()
	played := map[string]bool{}
	for _, chapter := range []struct {
		page   string
		before func()
	}{
		{page: "version"},
		{page: "templates-list"},
		{page: "templates-show"},
		{page: "templates-use"},
		{page: "doctor", before: func() { s.waitStamped("db") }},
		{page: "lint"},
		{page: "preview"},
		{page: "policies-list", before: func() { s.kubectl("apply", "-f", "policy.yaml"); s.waitStamped("web") }},
		{page: "explain"},
		{page: "run"},
		{page: "sessions"},
		{page: "describe-session"},
		{page: "logs"},
		{page: "cancel"},
		{page: "thaw"},
		{page: "policies-suspend"},
		{page: "policies-resume"},
		{page: "templates-clone"},
		{page: "scripts-add"},
		{page: "scripts-list"},
		{page: "scripts-show"},
		{page: "scripts-delete"},
		{page: "convert"},
		{page: "completion"},
	} {
		played[chapter.page] = true
		ok := t.Run(chapter.page, func(t *testing.T) {
			if chapter.before != nil {
				chapter.before()
			}
			file := filepath.Join(pages, chapter.page+".md")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			document := transcript.Parse(string(text))
			require.NoError(t, document.Play(s.shell, names, *update))
			if now := document.String(); now != string(text) {
				require.NoError(t, os.WriteFile(file, []byte(now), 0o644))
				t.Logf("recorded %s anew: make generate puts it into docs/cli.md", file)
			}
		})
		if !ok {
			return // the rest of the story builds on it
		}
	}
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	require.NoError(t, err)
	for _, file := range files {
		assert.True(t, played[strings.TrimSuffix(filepath.Base(file), ".md")], "%s is no chapter of the story", file)
	}
}

// story is a namespace with a database and a web server, which run already when the story begins.
type story struct {
	t *testing.T
	// folder has the files of docs/cli, and is where commands run; programs has the plugin, and kubectl.
	folder, programs string
	environment      []string
}

func newStory(t *testing.T) *story {
	t.Helper()
	built, err := plugin()
	require.NoError(t, err)
	kubectl, err := cluster.Binary(t.Context(), "kubectl")
	require.NoError(t, err)
	s := &story{t: t, folder: t.TempDir(), programs: t.TempDir()}
	require.NoError(t, os.CopyFS(s.folder, os.DirFS(cliDocs)))
	require.NoError(t, os.Symlink(built.path, filepath.Join(s.programs, "kubectl-quiesce")))
	require.NoError(t, os.Symlink(kubectl, filepath.Join(s.programs, "kubectl")))
	s.environment = append(os.Environ(), "PATH="+s.programs+":"+os.Getenv("PATH"), "KUBECONFIG="+built.kubeconfig, "HOME="+t.TempDir(), "TERM=dumb")

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shopNamespace, Labels: labelled(optedIn)}}
	var there corev1.Namespace
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(namespace), &there); err == nil && there.Labels["quiesce.test/e2e"] == "" {
		require.Failf(t, "the cluster is in use", "namespace %s is no test's: take it away, or the cluster down", shopNamespace)
	}
	s.remove()
	t.Cleanup(s.remove)
	s.requireAlone()
	require.NoError(t, api.Create(t.Context(), namespace))
	s.kubectl("apply", "-n", shopNamespace, "-f", "shop.yaml")
	s.kubectl("rollout", "status", "-n", shopNamespace, "statefulset/db", "--timeout", patience.String())
	s.kubectl("rollout", "status", "-n", shopNamespace, "deployment/web", "--timeout", patience.String())
	return s
}

// remove takes away what the story leaves, and an interrupted one has left.
func (s *story) remove() {
	ctx := context.Background()
	for _, policy := range s.policies(ctx) {
		require.NoError(s.t, client.IgnoreNotFound(api.Delete(ctx, &policy)))
	}
	for _, object := range []client.Object{
		&v1alpha1.HookScript{ObjectMeta: metav1.ObjectMeta{Name: "verify-db"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shopNamespace}},
	} {
		require.NoError(s.t, client.IgnoreNotFound(api.Delete(ctx, object)))
	}
	require.Eventually(s.t, func() bool {
		err := api.Get(ctx, client.ObjectKey{Name: shopNamespace}, &corev1.Namespace{})
		return client.IgnoreNotFound(err) == nil && err != nil
	}, patience, tick, "namespace %s is not gone", shopNamespace)
}

// requireAlone waits until what other tests have made is gone, of which commands would tell. What people have made stays, and the
// story cannot be told beside it.
func (s *story) requireAlone() {
	s.t.Helper()
	var (
		policies   v1alpha1.HookPolicyList
		namespaces corev1.NamespaceList
	)
	require.Eventually(s.t, func() bool {
		return api.List(s.t.Context(), &policies, ours) == nil && len(policies.Items) == 0 &&
			api.List(s.t.Context(), &namespaces, ours) == nil && len(namespaces.Items) == 0
	}, patience, tick, "policies and namespaces of other tests are left: %v, %v", &policies, &namespaces)
	require.NoError(s.t, api.List(s.t.Context(), &policies))
	require.NoError(s.t, api.List(s.t.Context(), &namespaces, client.MatchingLabels(optedIn)))
	for i := range policies.Items {
		require.Failf(s.t, "the cluster is in use", "HookPolicy %s is no test's, and commands would tell of it: take it away, or the cluster down", policies.Items[i].Name)
	}
	for i := range namespaces.Items {
		require.Failf(s.t, "the cluster is in use", "namespace %s is no test's, and commands would tell of it: take it away, or the cluster down", namespaces.Items[i].Name)
	}
}

// policies are those of the story.
func (s *story) policies(ctx context.Context) []v1alpha1.HookPolicy {
	var policies v1alpha1.HookPolicyList
	require.NoError(s.t, api.List(ctx, &policies))
	return slices.DeleteFunc(policies.Items, func(policy v1alpha1.HookPolicy) bool {
		return !slices.Contains([]string{"postgres", "shop-web"}, policy.Name) || !slices.Contains(policy.Spec.Selector.IncludedNamespaces, shopNamespace)
	})
}

// waitStamped waits until the pods of an application carry the hooks of their policy, and its status says so.
func (s *story) waitStamped(application string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		var pods corev1.PodList
		require.NoError(c, api.List(s.t.Context(), &pods, client.InNamespace(shopNamespace), client.MatchingLabels{"app": application}))
		require.NotEmpty(c, pods.Items)
		for i := range pods.Items {
			assert.True(c, stamped(&pods.Items[i]))
		}
		for _, policy := range s.policies(s.t.Context()) {
			assert.Equal(c, int32(1), policy.Status.StampedPods, policy.Name)
		}
	}, patience, tick)
}

func (s *story) kubectl(args ...string) {
	s.t.Helper()
	output, code, err := s.run("kubectl", args...)
	require.NoError(s.t, err)
	require.Zero(s.t, code, output)
}

// shell runs what a reader would type.
func (s *story) shell(command string, before int) (output string, code int, err error) {
	return s.run("bash", "-c", fmt.Sprintf("(exit %d)\n%s", before, command))
}

// run runs a program, whose output and errors come as a terminal would show them.
func (s *story) run(program string, args ...string) (output string, code int, err error) {
	path := program
	if program == "kubectl" {
		path = filepath.Join(s.programs, program)
	}
	var both bytes.Buffer
	command := exec.CommandContext(s.t.Context(), path, args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = s.folder, s.environment, &both, &both
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return both.String(), exit.ExitCode(), nil
	}
	return both.String(), 0, err
}
