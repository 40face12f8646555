package session

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func TestAPodIsClaimedByWhomItWasGrantedTo(t *testing.T) {
	r := &Reconciler{claims: newClaims(func(types.NamespacedName) {})}
	session := func(name string) *v1alpha1.HookSession {
		return &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}}
	}
	assert.Empty(t, r.claims.ask(session("first"), map[types.UID]string{"a": "db-0"}))
	assert.NotEmpty(t, r.claims.ask(session("second"), map[types.UID]string{"a": "db-0", "b": "db-1"}))
	assert.True(t, r.Claimed("a"))
	assert.False(t, r.Claimed("b"), "who waits for one of its pods has none")
	r.claims.release("first")
	assert.False(t, r.Claimed("a"))
}
