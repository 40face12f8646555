package signal

import (
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// kind is a kind of Velero's objects that sessions accompany.
type kind interface {
	// name of the kind, and the plural name of its resource.
	name() v1alpha1.VeleroKind
	resource() string
	// slim is a cache transform: it makes an object, in the sense of this package, of what the API server has.
	slim(full any) (any, error)
}

// object is one of Velero's objects as it is kept. It is not changed.
type object interface {
	kind() v1alpha1.VeleroKind
	meta() *metav1.ObjectMeta
	phase() string
	// queues tells whether objects of the kind wait in Velero for each other.
	queues() bool
	// coversPods tells whether the operation takes, or brings, pods of a namespace of this cluster, whatever their labels.
	coversPods(namespace string) bool
	// includes tells whether it has anything of the namespace in it.
	includes(namespace string) bool
	// concerns tells whether a policy has hooks for a session of the operation, and quiesces whether Velero is to wait for any of them.
	concerns(policy *v1alpha1.HookPolicySpec) bool
	quiesces(policy *v1alpha1.HookPolicySpec) bool
	// session is what a session of it is asked for, but for whether Velero waits.
	session() v1alpha1.HookSessionSpec
	// outcomes are what a session that has begun is to be told by now; nil for nothing yet.
	outcomes() *v1alpha1.Outcomes
	// failure is a merge patch by which it has failed.
	failure(reason string, now time.Time) map[string]any
}

func markOf(object object) string { return object.meta().Annotations[v1alpha1.GateAnnotation] }

// sinceOf is since when an object has its mark; when it was created, where that is not said.
func sinceOf(object object) time.Time { return timeOf(object, v1alpha1.GateSinceAnnotation) }

func timeOf(object object, annotation string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, object.meta().Annotations[annotation])
	if err != nil {
		return object.meta().CreationTimestamp.Time
	}
	return at
}

// attemptOf counts from 1 how often an object was held.
func attemptOf(object object) int {
	attempt, err := strconv.Atoi(object.meta().Annotations[v1alpha1.AttemptLabel])
	if err != nil || attempt < 1 {
		return 1
	}
	return attempt
}
