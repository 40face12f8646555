package webhook

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAPolicyIsCompiledAgainWhenItsSpecMayHaveChanged(t *testing.T) {
	version := func(uid string, generation int64, stamped int32) *v1alpha1.HookPolicy {
		return &v1alpha1.HookPolicy{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), Generation: generation},
			Status:     v1alpha1.HookPolicyStatus{StampedPods: stamped},
		}
	}
	assert.True(t, respecified(version("a", 1, 0), version("a", 2, 0)), "another spec")
	assert.True(t, respecified(version("a", 1, 0), version("b", 1, 0)), "deleted and made anew, unseen")
	assert.False(t, respecified(version("a", 1, 0), version("a", 1, 5)), "the status alone")
}
