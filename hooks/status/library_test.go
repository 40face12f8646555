package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/stamp/keeper"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// usingTemplate is a policy whose template has a version.
func usingTemplate(version string) policies.Policy {
	policy := policyOf("p", 0, hook("flush", "", v1alpha1.PreSnapshot))
	policy.Written = &v1alpha1.HookPolicySpec{Template: &v1alpha1.TemplateUse{Name: "db"}}
	policy.TemplateVersion = version
	return policy
}

func TestAPolicySaysWhatIsMissingAndThatItIsUsedAsSoonAsItComes(t *testing.T) {
	for reason, missing := range map[string]library.MissingError{
		v1alpha1.ReasonScriptNotFound:   {Kind: library.KindScript, Name: "verify-db"},
		v1alpha1.ReasonTemplateNotFound: {Kind: library.KindTemplate, Name: "db"},
	} {
		policy := usingTemplate("")
		policy.Refusal = fmt.Errorf("spec.x: %w", missing)
		ready := condition(t, report(&policy, &v1alpha1.HookPolicyStatus{}, none), v1alpha1.ConditionReady)
		assert.Equal(t, metav1.ConditionFalse, ready.Status)
		assert.Equal(t, reason, ready.Reason)
		assert.Equal(t, fmt.Sprintf("spec.x: there is no %s %q: the policy is used as soon as it comes", missing.Kind, missing.Name), ready.Message)
	}
}

func TestAPolicyKeepsSinceWhenItHasUsedAVersionOfItsTemplate(t *testing.T) {
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	before := &v1alpha1.HookPolicyStatus{Template: &v1alpha1.TemplateVersion{Name: "db", Version: "1111", Since: &since}}
	of := func(policy policies.Policy) *v1alpha1.TemplateVersion { return report(&policy, before, none).Template }

	assert.Equal(t, before.Template, of(usingTemplate("1111")))
	changed := of(usingTemplate("2222"))
	assert.Equal(t, "2222", changed.Version)
	assert.WithinDuration(t, time.Now(), changed.Since.Time, time.Minute)
	assert.Equal(t, &v1alpha1.TemplateVersion{Name: "db"}, of(usingTemplate("")), "it has gone")
	assert.Nil(t, of(policyOf("p", 0)))
}

func TestAnEventTellsOfANewVersionOfATemplateOnce(t *testing.T) {
	policy := usingTemplate("1111")
	reporter, recorder := world(t, interceptor.Funcs{}, object(policy))
	for _, version := range []string{"1111", "1111", "2222", "2222", "", "3333"} {
		_, err := reporter.write(t.Context(), &keeper.Survey{Set: setOf(t, stamp.Options{}, usingTemplate(version))})
		require.NoError(t, err)
	}
	require.Len(t, recorder.Events, 1, "what has come back has not changed")
	event := <-recorder.Events
	assert.True(t, strings.HasPrefix(event, `Normal TemplateChanged HookTemplate "db" is now version 2222, where it was 1111`), event)
}
