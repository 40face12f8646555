package signal

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// settleLocation gives a Backup the storage location that Velero would give it when it starts: without one it can be deleted by hand only,
// should it never start (velero: pkg/controller/backup_deletion_controller.go). It stays without where there are several, none of them
// the default. False where that has changed it, by which it is looked at again.
func (c *Controller) settleLocation(ctx context.Context, object object) (settled bool, err error) {
	b, is := object.(*backup)
	if !is || b.Spec.StorageLocation != "" {
		return true, nil
	}
	list, err := c.Objects.Resource(velero.GroupVersion.WithResource("backupstoragelocations")).Namespace(b.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, fmt.Errorf("listing BackupStorageLocations: %w", err)
	}
	locations := make([]velero.StorageLocation, len(list.Items))
	for i := range list.Items {
		if err := decode(&list.Items[i], &locations[i]); err != nil {
			return false, fmt.Errorf("reading BackupStorageLocation %s: %w", list.Items[i].GetName(), err)
		}
	}
	location := velero.ChooseLocation(locations)
	if location == "" {
		return true, nil
	}
	return false, c.patch(ctx, object, map[string]any{"spec": map[string]any{"storageLocation": location}})
}
