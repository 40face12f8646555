package signal

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// maxNote is how long an event's note may be (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/).
const maxNote = 1024

// event tells of an object of Velero's.
func (c *Controller) event(object object, kind, reason, action, note string) {
	meta := object.meta()
	regarding := &corev1.ObjectReference{
		APIVersion: velero.GroupVersion.String(), Kind: string(object.kind()), Namespace: meta.Namespace, Name: meta.Name, UID: meta.UID, ResourceVersion: meta.ResourceVersion,
	}
	c.Recorder.Eventf(regarding, nil, kind, reason, action, "%s", record.Cut(note, maxNote))
}
