package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// backUp has Velero back the pods up, and returns when it is done, with the Backup and when it was seen to have begun.
func (b *bench) backUp(ctx context.Context, how manner, pods []corev1.Pod) (_ *unstructured.Unstructured, started time.Time, err error) {
	spec := map[string]any{"includedNamespaces": []any{name}, "snapshotVolumes": false}
	if how.inOneBlock {
		var ordered []string
		for i := range pods {
			ordered = append(ordered, pods[i].Namespace+"/"+pods[i].Name)
		}
		spec["orderedResources"] = map[string]any{"pods": strings.Join(ordered, ",")}
	}
	backup := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": map[string]any{"namespace": "velero", "generateName": name + "-"}, "spec": spec,
	}}
	// The watch comes first, or the start would be seen late.
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: "BackupList"})
	watching, err := b.API.Watch(ctx, list, client.InNamespace("velero"))
	if err != nil {
		return nil, started, err
	}
	defer watching.Stop()
	if err := b.API.Create(ctx, backup); err != nil {
		return nil, started, err
	}
	for event := range watching.ResultChan() {
		object, is := event.Object.(*unstructured.Unstructured)
		if !is || object.GetUID() != backup.GetUID() {
			continue
		}
		phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
		if phase == "InProgress" && started.IsZero() {
			started = time.Now()
		}
		switch phase {
		case "Completed":
			return object, started, nil
		case "PartiallyFailed", "Failed", "FailedValidation":
			return nil, started, fmt.Errorf("backup %s has ended as %s: %v", object.GetName(), phase, object.Object["status"])
		}
	}
	return nil, started, fmt.Errorf("the watch of backup %s has ended: %w", backup.GetName(), ctx.Err())
}
