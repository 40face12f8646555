// Package velerotest helps tests to speak of Velero's objects, of which the project has no types.
package velerotest

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// AddToScheme has a fake client know Velero's kinds from its start. One that meets them first in a request writes them into the
// scheme then, which other requests may be reading (controller-runtime: pkg/client/fake/client.go).
func AddToScheme(scheme *runtime.Scheme) {
	for _, kind := range []string{"Backup", "BackupStorageLocation", "Restore", "Schedule"} {
		scheme.AddKnownTypeWithName(velero.GroupVersion.WithKind(kind), &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(velero.GroupVersion.WithKind(kind+"List"), &unstructured.UnstructuredList{})
	}
}
