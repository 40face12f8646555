package policies

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// backup is what is kept of a Schedule or Backup. A cluster has thousands of Backups that ended long ago, and of those
// nothing but the name is needed.
type backup struct {
	metav1.ObjectMeta

	kind string
	// spec is nil where there are no hooks, or none that may run yet.
	spec *velero.BackupSpec
}

// sentenceName is how a sentence names it.
func (b *backup) sentenceName() string { return b.kind + " " + b.Namespace + "/" + b.Name }

// BackupHooks are the hooks of a Schedule, or of a Backup that has yet to end, as the API server has it; false where there are none.
func BackupHooks(object *unstructured.Unstructured) (velero.BackupHooks, bool) {
	return slimmed(object).hooks()
}

// hooks are false where there are none.
func (b *backup) hooks() (velero.BackupHooks, bool) {
	if b.spec == nil {
		return velero.BackupHooks{}, false
	}
	return velero.ParseBackupHooks(b.sentenceName(), b.spec)
}

// slimBackup is a cache transform. What is slim already passes as it is.
func slimBackup(object any) (any, error) {
	full, ok := object.(*unstructured.Unstructured)
	if !ok {
		if slim, ok := object.(*backup); ok {
			return slim, nil
		}
		return nil, fmt.Errorf("got %T, want a Schedule or Backup", object)
	}
	return slimmed(full), nil
}

func slimmed(full *unstructured.Unstructured) *backup {
	slim := &backup{
		ObjectMeta: metav1.ObjectMeta{
			Name: full.GetName(), Namespace: full.GetNamespace(), UID: full.GetUID(), ResourceVersion: full.GetResourceVersion()},
		kind: full.GetKind(),
	}
	spec, err := backupSpec(full)
	if err != nil {
		// Velero cannot read it either.
		return slim
	}
	if slices.ContainsFunc(spec.Hooks.Resources, func(hook velero.HookSpec) bool { return len(hook.PreHooks)+len(hook.PostHooks) > 0 }) {
		slim.spec = spec
	}
	return slim
}

// backupSpec is the spec of a Backup that has yet to end, or that a Schedule gives its Backups; else an empty one.
func backupSpec(full *unstructured.Unstructured) (*velero.BackupSpec, error) {
	fields := []string{"spec"}
	if full.GetKind() == "Schedule" {
		fields = []string{"spec", "template"}
	} else if phase, _, err := unstructured.NestedString(full.Object, "status", "phase"); err != nil || !velero.Ongoing(phase) {
		return &velero.BackupSpec{}, err
	}
	object, _, err := unstructured.NestedFieldNoCopy(full.Object, fields...)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	spec := &velero.BackupSpec{}
	return spec, json.Unmarshal(raw, spec)
}
