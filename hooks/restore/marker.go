package restore

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Markers are further keys of labels and annotations by which a restored pod is known, beside Velero's and our own.
type Markers struct {
	labels, annotations []string
}

// AddLabels adds keys of labels, separated by commas. It fails on one that can be none; it is a flag's value.
func (m *Markers) AddLabels(keys string) error { return add(&m.labels, keys) }

// AddAnnotations adds keys of annotations in the same way.
func (m *Markers) AddAnnotations(keys string) error { return add(&m.annotations, keys) }

func add(list *[]string, keys string) error {
	for key := range strings.SplitSeq(keys, ",") {
		if key = strings.TrimSpace(key); key == "" {
			continue
		}
		if mistakes := validation.IsQualifiedName(key); len(mistakes) > 0 {
			return fmt.Errorf("%q can be no key: %s", key, strings.Join(mistakes, "; "))
		}
		*list = append(*list, key)
	}
	return nil
}

// Marker is the label or annotation that says of a pod that it was restored.
type Marker struct {
	Key, Value string
	annotation bool
}

// Find returns the first marker that a pod has; labels come first.
func (m Markers) Find(labels, annotations map[string]string) (Marker, bool) {
	for _, key := range slices.Concat([]string{v1alpha1.VeleroRestoreLabel, v1alpha1.RestoredKey}, m.labels) {
		if value, found := labels[key]; found {
			return Marker{Key: key, Value: value}, true
		}
	}
	for _, key := range slices.Concat([]string{v1alpha1.RestoredKey}, m.annotations) {
		if value, found := annotations[key]; found {
			return Marker{Key: key, Value: value, annotation: true}, true
		}
	}
	return Marker{}, false
}

// fieldPath is where the downward API finds the marker's value
// (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields).
func (m Marker) fieldPath() string {
	if m.annotation {
		return fmt.Sprintf("metadata.annotations['%s']", m.Key)
	}
	return labelPath(m.Key)
}

func labelPath(key string) string { return fmt.Sprintf("metadata.labels['%s']", key) }
