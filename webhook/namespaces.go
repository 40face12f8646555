package webhook

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// cachedNamespaces reads the labels of namespaces from a metadata-only informer.
type cachedNamespaces struct {
	reader client.Reader
}

var _ namespaceLabels = cachedNamespaces{}

func (c cachedNamespaces) Labels(ctx context.Context, namespace string) (map[string]string, bool) {
	object := namespaceMetadata()
	// From the cache, so that the one possible error is that it has none of this name.
	if err := c.reader.Get(ctx, types.NamespacedName{Name: namespace}, object); err != nil {
		return nil, false
	}
	return object.Labels, true
}

var _ optedInNamespaces = cachedNamespaces{}

// OptedIn lists namespaces with the label, but for those that are being deleted: no hook runs there any more.
func (c cachedNamespaces) OptedIn(ctx context.Context) ([]match.Namespace, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "NamespaceList"})
	if err := c.reader.List(ctx, &list, client.MatchingLabels{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}); err != nil {
		return nil, err
	}
	namespaces := make([]match.Namespace, 0, len(list.Items))
	for i := range list.Items {
		if item := &list.Items[i]; item.DeletionTimestamp == nil {
			namespaces = append(namespaces, match.Namespace{Name: item.Name, Labels: item.Labels})
		}
	}
	return namespaces, nil
}

// liveNamespaces asks the API server where the informer knows nothing: a restore creates a namespace moments before the
// pods in it.
type liveNamespaces struct {
	cached cachedNamespaces
	live   client.Reader
}

var _ namespaceReader = liveNamespaces{}

func (l liveNamespaces) Read(ctx context.Context, namespace string) (map[string]string, error) {
	if labels, known := l.cached.Labels(ctx, namespace); known {
		return labels, nil
	}
	object := namespaceMetadata()
	if err := l.live.Get(ctx, types.NamespacedName{Name: namespace}, object); err != nil {
		return nil, err
	}
	return object.Labels, nil
}

// namespaceMetadata is the type by which the informer knows namespaces.
func namespaceMetadata() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
}
