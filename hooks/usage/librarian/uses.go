package librarian

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/usage"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// page is how many objects are read from the API server at a time.
const page = 500

// LiveUses are the uses of a script or a template as the API server knows them now, sorted. The reader must not be a cache: what
// is not there yet would be missing. Of a kind that is not served, its CRD being deleted, there are none.
func LiveUses(ctx context.Context, live client.Reader, target usage.Target) ([]v1alpha1.Use, error) {
	var uses []v1alpha1.Use
	for _, list := range userLists(target.Kind) {
		for {
			err := live.List(ctx, list, client.Limit(page), client.Continue(list.GetContinue()))
			if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("looking for who uses %s: %w", target, err)
			}
			uses = append(uses, usesIn(list, target)...)
			if list.GetContinue() == "" {
				break
			}
		}
	}
	usage.Sort(uses)
	return uses, nil
}

// targetIndex is the index of a cache by which users are found: by what they use.
const targetIndex = "quiesce.io/library"

func targetKey(target usage.Target) string { return target.Kind + "/" + target.Name }

// indexTargets is how a cache indexes a user.
func indexTargets(object client.Object) []string {
	user, _ := usage.Of(object)
	var keys []string
	for _, target := range user.Targets() {
		keys = append(keys, targetKey(target))
	}
	return keys
}

// cachedUses are the uses as an indexed cache knows them, sorted. It takes no longer for there being others.
func cachedUses(ctx context.Context, cache client.Reader, target usage.Target) ([]v1alpha1.Use, error) {
	var uses []v1alpha1.Use
	for _, list := range userLists(target.Kind) {
		// The items are only read, and replaced rather than changed by the informer.
		err := cache.List(ctx, list, client.MatchingFields{targetIndex: targetKey(target)}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, fmt.Errorf("listing who uses %s: %w", target, err)
		}
		uses = append(uses, usesIn(list, target)...)
	}
	usage.Sort(uses)
	return uses, nil
}

// userLists are for the kinds that may use one of a kind: a template uses no other.
func userLists(kind string) []client.ObjectList {
	lists := []client.ObjectList{&v1alpha1.HookPolicyList{}, &v1alpha1.NamespacedHookPolicyList{}}
	if kind == usage.Script {
		lists = append(lists, &v1alpha1.HookTemplateList{})
	}
	return lists
}

func usesIn(list client.ObjectList, target usage.Target) (uses []v1alpha1.Use) {
	add := func(object client.Object) {
		user, _ := usage.Of(object)
		uses = append(uses, user.Uses(target)...)
	}
	switch list := list.(type) {
	case *v1alpha1.HookPolicyList:
		for i := range list.Items {
			add(&list.Items[i])
		}
	case *v1alpha1.NamespacedHookPolicyList:
		for i := range list.Items {
			add(&list.Items[i])
		}
	case *v1alpha1.HookTemplateList:
		for i := range list.Items {
			add(&list.Items[i])
		}
	}
	return uses
}
