package restore

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAdditionsAreWhatAPodIsToHaveWhetherItHasItOrNot(t *testing.T) {
	own := policy("own", -1, initHook("check", "verify"))
	own.Namespace = "shop"
	policies := compiled(t, policy("app", 1, initHook("fix", "chown", "chmod")), own)
	type addition struct {
		policy    match.Ref
		hook      string
		container string
	}
	want := []addition{
		{match.Ref{Name: "app"}, "fix", "quiesce-app-fix-1"},
		{match.Ref{Name: "app"}, "fix", "quiesce-app-fix-2"},
		{match.Ref{Namespace: "shop", Name: "own"}, "check", "quiesce-own-check-1"},
	}
	pod := podOf("migrate")
	for _, pod := range []Pod{pod, prepared(t, policies, pod)} {
		var got []addition
		for _, a := range policies.Additions(shop, pod) {
			got = append(got, addition{a.Policy, a.Hook, a.Container.Name})
		}
		assert.Equal(t, want, got)
	}
	pod.Annotations = map[string]string{v1alpha1.SkipAnnotation: "true"}
	assert.Empty(t, policies.Additions(shop, pod))
}
