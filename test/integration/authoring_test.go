package integration

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// warnings are what the API server has told a client.
type warnings struct {
	lock sync.Mutex
	told []string
}

func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.told = append(w.told, text)
}

// somebody is a client of another administrator, and what the API server tells him.
func somebody(t *testing.T, name string) (client.Client, *warnings) {
	t.Helper()
	told := &warnings{}
	other := rest.CopyConfig(config)
	other.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:masters", "system:authenticated"}}
	other.WarningHandlerWithContext = told
	connected, err := client.New(other, client.Options{Scheme: api.Scheme()})
	require.NoError(t, err)
	return connected, told
}

func merged(body string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(body)) }

// namespaced is a HookPolicy as one of a namespace.
func namespaced(policy *v1alpha1.HookPolicy, namespace string) *v1alpha1.NamespacedHookPolicy {
	return &v1alpha1.NamespacedHookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: policy.Name, Namespace: namespace, Annotations: policy.Annotations}, Spec: policy.Spec,
	}
}

// unusable is a policy that the schema lets through and that cannot be compiled: it bounds the key of a label as a whole,
// and knows nothing of the 63 characters of its name.
func unusable(name string) *v1alpha1.HookPolicy {
	policy := flushPolicy(name)
	policy.Spec.Selector.LabelSelector.MatchExpressions = []v1alpha1.LabelRequirement{
		{Key: strings.Repeat("x", 64), Operator: metav1.LabelSelectorOpDoesNotExist},
	}
	return policy
}

func TestAuthoring(t *testing.T) {
	// From before there was a webhook, or as an older version of it took them.
	old := unusable("old")
	create(t, old)
	startController(t)
	webhook := startWebhook(t)
	waitReady(t, webhook)
	waitAuthoring(t)
	namespace := optedIn(t, nil)
	ada, told := somebody(t, "ada")
	bob, _ := somebody(t, "bob")

	t.Run("the author and the time are recorded, and nobody can say otherwise", func(t *testing.T) {
		for kind, policy := range map[string]client.Object{
			"HookPolicy": flushPolicy("recorded"), "NamespacedHookPolicy": namespaced(flushPolicy("recorded"), namespace),
		} {
			t.Run(kind, func(t *testing.T) {
				policy.SetAnnotations(map[string]string{"a": "b", v1alpha1.AuthorAnnotation: "mallory", v1alpha1.AuthoredAtAnnotation: "never"})
				require.NoError(t, ada.Create(t.Context(), policy))
				t.Cleanup(func() { assert.NoError(t, api.Delete(context.Background(), policy)) })
				first := policy.GetAnnotations()
				assert.Equal(t, "ada", first[v1alpha1.AuthorAnnotation])
				assert.Equal(t, "b", first["a"])
				_, err := time.Parse(time.RFC3339, first[v1alpha1.AuthoredAtAnnotation])
				require.NoError(t, err)

				for _, body := range []string{
					`{"metadata": {"labels": {"a": "b"}}}`, `{"spec": {"suspend": true}}`,
					`{"metadata": {"annotations": {"quiesce.io/author": "mallory", "quiesce.io/authored-at": null}}}`,
				} {
					require.NoError(t, bob.Patch(t.Context(), policy, merged(body)))
					assert.Equal(t, first, policy.GetAnnotations(), "what bob did is no authorship: %s", body)
				}
				require.NoError(t, bob.Patch(t.Context(), policy, merged(`{"spec": {"suspend": false, "priority": 7}}`)))
				assert.Equal(t, "bob", policy.GetAnnotations()[v1alpha1.AuthorAnnotation])
			})
		}
	})

	t.Run("a policy that could not be used is refused with the field and what to write", func(t *testing.T) {
		tests := map[string]struct {
			change func(*v1alpha1.HookPolicySpec)
			says   []string
		}{
			"a pattern that RE2 does not know": {
				func(spec *v1alpha1.HookPolicySpec) {
					spec.Selector.ContainerImages = []v1alpha1.ImagePattern{"ok", "(?!postgres)"}
				},
				[]string{"spec.selector.containerImages[1]", "write one in RE2's syntax"},
			},
			"a label that can be none": {
				func(spec *v1alpha1.HookPolicySpec) { spec.Selector = unusable("x").Spec.Selector },
				[]string{"spec.selector.labelSelector: "},
			},
			"a NUL character": {
				func(spec *v1alpha1.HookPolicySpec) { spec.Hooks[0].Exec.Command = []string{"sh", "-c", "a\x00b"} },
				[]string{"spec.hooks[flush].exec.command[2]: it has a NUL character"},
			},
			"an option in place of a program": {
				func(spec *v1alpha1.HookPolicySpec) { spec.Hooks[0].Exec.Command = []string{"-c", "CHECKPOINT"} },
				[]string{`spec.hooks[flush].exec.command[0]: "-c" is an option and not a program`},
			},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				policy := flushPolicy("refused")
				test.change(&policy.Spec)
				policy.APIVersion, policy.Kind = v1alpha1.GroupVersion.String(), "HookPolicy"
				assertLintAgrees(t, map[string]any{name: policy.DeepCopy()})
				for kind, object := range map[string]client.Object{
					`HookPolicy "refused"`: policy, `NamespacedHookPolicy "refused"`: namespaced(policy, namespace),
				} {
					err := api.Create(t.Context(), object)
					require.True(t, apierrors.IsInvalid(err), "got %v", err)
					for _, want := range append(test.says, kind+" cannot be used: ") {
						assert.ErrorContains(t, err, want)
					}
				}
			})
		}
	})

	t.Run("a recipe that is known to be broken is taken with a warning", func(t *testing.T) {
		policy := flushPolicy("warned")
		policy.Spec.Hooks[0].Exec.Command = []string{"mysql", "-e", "FLUSH TABLES WITH READ LOCK"}
		require.NoError(t, ada.Create(t.Context(), policy, client.DryRunAll))
		told.lock.Lock()
		defer told.lock.Unlock()
		assert.Contains(t, strings.Join(told.told, "\n"), `hook "flush": FLUSH TABLES WITH READ LOCK ends with its client`)
	})

	t.Run("a policy that could not be used any more is still relabelled, let go of and stopped, but not changed", func(t *testing.T) {
		for _, body := range []string{
			`{"metadata": {"labels": {"a": "b"}}}`, `{"metadata": {"finalizers": ["example.com/a"]}}`,
			`{"metadata": {"finalizers": null}}`, `{"spec": {"suspend": true}}`,
		} {
			require.NoError(t, ada.Patch(t.Context(), old, merged(body)), body)
		}
		assert.ErrorContains(t, ada.Patch(t.Context(), old.DeepCopy(), merged(`{"spec": {"priority": 7}}`)), "spec.selector.labelSelector: ")
		assert.NotContains(t, old.Annotations, v1alpha1.AuthorAnnotation, "nobody has answered for it")
	})

	t.Run("while the webhook is down nobody writes a policy", func(t *testing.T) {
		require.NoError(t, webhook.Process.Kill())
		<-webhook.exited
		assert.ErrorContains(t, api.Create(t.Context(), flushPolicy("down"), client.DryRunAll), `failed calling webhook "policies.quiesce.io"`)
	})
}
