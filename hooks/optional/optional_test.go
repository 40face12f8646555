package optional

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	toolscache "k8s.io/client-go/tools/cache"
)

type served []string

func (s *served) ServerResourcesForGroupVersion(string) (*metav1.APIResourceList, error) {
	list := &metav1.APIResourceList{}
	for _, resource := range *s {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: resource})
	}
	return list, nil
}

func TestAKindIsAbsentThenCompleteThenAbsent(t *testing.T) {
	group := schema.GroupVersion{Group: "example.com", Version: "v1"}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(group.WithKind("Widget"))
	object.SetNamespace("shop")
	object.SetName("one")
	objects := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{group.WithResource("widgets"): "WidgetList"}, object)
	var serves served
	added := make(chan string, 8)
	watch := &Watch{
		Served: &serves, Client: objects, GroupVersion: group, Changed: func() {},
		Kinds: map[string]Kind{"widgets": {
			Transform: func(full any) (any, error) {
				if whole, ok := full.(*unstructured.Unstructured); ok {
					return &metav1.ObjectMeta{Namespace: whole.GetNamespace(), Name: whole.GetName()}, nil
				}
				return full, nil
			},
			Handler: toolscache.ResourceEventHandlerFuncs{AddFunc: func(kept any) { added <- kept.(*metav1.ObjectMeta).Name }},
		}},
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	assert.False(t, watch.Absent("widgets"), "nobody has asked yet")
	watch.Look(ctx)
	assert.True(t, watch.Absent("widgets"))
	assert.False(t, watch.Complete("widgets"))
	assert.Empty(t, watch.List("widgets"))

	serves = served{"widgets"}
	watch.Look(ctx)
	assert.False(t, watch.Absent("widgets"))
	require.Eventually(t, func() bool { return watch.Complete("widgets") }, time.Minute, time.Millisecond)
	require.Len(t, added, 1, "what is complete has been told")
	assert.Equal(t, "one", <-added)
	assert.Len(t, watch.List("widgets"), 1)
	kept, found := watch.Get("widgets", "shop", "one")
	require.True(t, found)
	assert.Equal(t, &metav1.ObjectMeta{Namespace: "shop", Name: "one"}, kept)
	_, found = watch.Get("widgets", "shop", "two")
	assert.False(t, found)

	serves = nil
	watch.Look(ctx)
	assert.True(t, watch.Absent("widgets"))
	_, found = watch.Get("widgets", "shop", "one")
	assert.False(t, found)
}
