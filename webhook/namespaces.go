package webhook

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
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
