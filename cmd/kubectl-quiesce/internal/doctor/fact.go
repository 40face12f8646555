package doctor

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Fact is something that was looked up, or why it is not known.
type Fact[T any] struct {
	Value T
	// Lacks is the right without which it is not known, such as list pods in namespace shop.
	Lacks string
	// Err is why it is not known, where that is no lack of a right.
	Err error
}

// missing is a fact that may not be known.
type missing interface {
	known() bool
	why() string
}

func (f Fact[T]) known() bool { return f.Lacks == "" && f.Err == nil }

func (f Fact[T]) why() string {
	if f.Lacks != "" {
		return "needs the right to " + f.Lacks
	}
	return f.Err.Error()
}

// learn looks something up. The right is what that takes.
func learn[T any](right string, look func() (T, error)) Fact[T] {
	value, err := look()
	switch {
	case err == nil:
		return Fact[T]{Value: value}
	case apierrors.IsForbidden(err):
		return Fact[T]{Lacks: right}
	}
	return Fact[T]{Err: err}
}

// notKnown is the finding for what cannot be told because a fact is missing; false where all are known. What is a clause, such as
// whether pods are stamped.
func notKnown(what string, facts ...missing) ([]Finding, bool) {
	for _, fact := range facts {
		if !fact.known() {
			return []Finding{unknown("%s is not known: %s", what, fact.why())}, true
		}
	}
	return nil, false
}

// right is a right in words.
func right(verb, resource, namespace string) string {
	if namespace == "" {
		return fmt.Sprintf("%s %s in all namespaces", verb, resource)
	}
	return fmt.Sprintf("%s %s in namespace %s", verb, resource, namespace)
}
