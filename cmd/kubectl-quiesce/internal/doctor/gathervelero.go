package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// velero looks at Velero's objects where its kinds are served, and remembers the hooks that Schedules and Backups have themselves.
func (g *gatherer) velero(ctx context.Context) {
	g.facts.Velero = learn(right("list", "backups.velero.io, restores.velero.io and schedules.velero.io", ""), func() (*Velero, error) {
		versions, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			return nil, err
		}
		if _, err := versions.ServerResourcesForGroupVersion(velero.GroupVersion.String()); apierrors.IsNotFound(err) {
			return nil, nil //nolint:nilnil // it is not there
		} else if err != nil {
			return nil, err
		}
		is := &Velero{}
		for _, kind := range []string{"Schedule", "Backup", "Restore"} {
			var list unstructured.UnstructuredList
			list.SetGroupVersionKind(velero.GroupVersion.WithKind(kind + "List"))
			if err := g.client.List(ctx, &list); err != nil {
				return nil, err
			}
			for i := range list.Items {
				if err := g.veleroObject(is, kind, &list.Items[i]); err != nil {
					return nil, err
				}
			}
		}
		var deployments appsv1.DeploymentList
		if err := g.client.List(ctx, &deployments, client.MatchingFields{"metadata.name": "velero"}); err == nil && len(deployments.Items) > 0 {
			is.Deployment = &deployments.Items[0]
		}
		return is, nil
	})
}

func (g *gatherer) veleroObject(is *Velero, kind string, object *unstructured.Unstructured) error {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	if kind != "Schedule" && velero.Ended(phase) {
		return nil
	}
	if annotations := object.GetAnnotations(); annotations[v1alpha1.GateAnnotation] == v1alpha1.GateHeld {
		// Without a time that can be read it has waited for none.
		since, _ := time.Parse(time.RFC3339Nano, annotations[v1alpha1.GateSinceAnnotation])
		is.Held = append(is.Held, Held{
			Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), Since: since, Message: annotations[v1alpha1.GateMessageAnnotation],
		})
	}
	fields := map[string][]string{"Schedule": {"spec", "template"}, "Backup": {"spec"}}[kind]
	spec, found, _ := unstructured.NestedMap(object.Object, fields...)
	if fields == nil || !found {
		return nil
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var backup velero.BackupSpec
	name := fmt.Sprintf("%s %s/%s", kind, object.GetNamespace(), object.GetName())
	if err := json.Unmarshal(raw, &backup); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if hooks, some := velero.ParseBackupHooks(name, &backup); some {
		g.backupHooks = append(g.backupHooks, hooks)
	}
	return nil
}
