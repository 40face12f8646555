package signal

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// fileSystemAnnotation on a pod names volumes of which Velero backs up the files (velero: pkg/util/podvolume).
const fileSystemAnnotation = "backup.velero.io/backup-volumes"

// volumePoliciesAnnotation on a Backup that has begun is the ConfigMap of the volume policies for all backups (velero:
// pkg/apis/velero/v1/labels_annotations.go).
const volumePoliciesAnnotation = "velero.io/global-backup-volume-policy-configmap"

// mayReadFiles tells whether a Backup may back up files of volumes of which no pod says so: by default, or since volume policies say so, which may
// name volumes of any kind (velero: internal/volumehelper/volume_policy_helper.go).
func (b *backup) mayReadFiles() bool {
	files := b.Spec.DefaultVolumesToFsBackup
	return files != nil && *files || b.Spec.ResourcePolicy != nil || b.Annotations[volumePoliciesAnnotation] != ""
}

// +kubebuilder:rbac:groups="",resources=pods,verbs=list

// captured tells whether all data of a session is in snapshots that the storage has wholly, while its Backup goes on elsewhere: then its
// pods need not stay quiesced. Where Velero reads files of any of the pods they do.
func (c *Controller) captured(ctx context.Context, object object, session *v1alpha1.HookSession) (bool, error) {
	counts := session.Status.SnapshotCounts
	b, is := object.(*backup)
	if !is || b.Status.Phase != velero.InProgress || session.Spec.Outcomes != nil && session.Spec.Outcomes.Snapshot != "" ||
		counts.Total == 0 || counts.UnseenClaims > 0 || counts.Ready < counts.Total || b.mayReadFiles() {
		return false, nil
	}
	pods := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}}
	if err := c.Live.List(ctx, &pods, client.InNamespace(session.Namespace)); err != nil {
		return false, fmt.Errorf("looking at the pods of namespace %s: %w", session.Namespace, err)
	}
	for i := range pods.Items {
		if pods.Items[i].Annotations[fileSystemAnnotation] != "" {
			return false, nil
		}
	}
	return true, nil
}
