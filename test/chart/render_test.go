package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// apply has the API server judge an object as Helm would send it, and keep nothing.
func apply(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	return server.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object.DeepCopy()),
		client.FieldOwner("chart-test"), client.ForceOwnership, client.DryRunAll)
}

func TestTheAPIServerTakesEveryObject(t *testing.T) {
	for _, values := range valueFiles(t) {
		t.Run(values, func(t *testing.T) {
			for _, object := range render(t, values) {
				assert.NoError(t, apply(t, object), "%s %s", object.GetKind(), object.GetName())
			}
		})
	}
}

func TestTheAPIServerWouldRefuseAFieldThatItDoesNotKnow(t *testing.T) {
	for _, object := range render(t, "defaults.yaml") {
		if object.GetKind() != "Deployment" {
			continue
		}
		require.NoError(t, unstructured.SetNestedField(object.Object, int64(1), "spec", "replica"))
		assert.ErrorContains(t, apply(t, object), ".spec.replica: field not declared in schema")
	}
}

func TestEveryNamespacedObjectLiesInTheReleasesNamespace(t *testing.T) {
	for _, values := range valueFiles(t) {
		for _, object := range render(t, values) {
			namespaced, err := server.IsObjectNamespaced(object)
			require.NoError(t, err)
			if namespaced {
				assert.Equal(t, namespace, object.GetNamespace(), "%s: %s %s", values, object.GetKind(), object.GetName())
			}
		}
	}
}

func TestImage(t *testing.T) {
	tests := map[string]string{
		"defaults.yaml":        "ghcr.io/quiesce-io/quiesce:0.1.0",
		"all-options.yaml":     "registry.example.com:5000/quiesce:1.2.3",
		"image-by-digest.yaml": "registry.example.com/mirror/quiesce@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	}
	for values, want := range tests {
		t.Run(values, func(t *testing.T) {
			all := render(t, values)
			for _, name := range []string{"quiesce-webhook", "quiesce-controller"} {
				pod := find[appsv1.Deployment](t, all, "Deployment", name).Spec.Template.Spec
				assert.Equal(t, want, pod.Containers[0].Image)
				assert.Equal(t, []string{"/" + name}, pod.Containers[0].Command)
			}
		})
	}
}

func TestTheProgramsAreToldOfVeleroTheirPaceAndTheLibrary(t *testing.T) {
	tests := map[string]struct{ both, controller, webhook []string }{
		"defaults.yaml": {
			both:       []string{"--velero-native-sidecars=false", "--velero-backup-hooks=Yield", "--velero-gate=true"},
			controller: []string{"--stamps-per-second=50", "--deliver-templates=true", "--velero-concurrent-backups=1", "--velero-start-grace=15s"},
			webhook:    []string{"--controller-gone-after=5m", "--controller-gone-action=Open"},
		},
		"all-options.yaml": {
			both:       []string{"--velero-native-sidecars=true", "--velero-backup-hooks=Override", "--velero-gate=true"},
			controller: []string{"--stamps-per-second=5", "--deliver-templates=false", "--velero-concurrent-backups=3", "--velero-start-grace=1m"},
			webhook:    []string{"--controller-gone-after=30s", "--controller-gone-action=Refuse"},
		},
	}
	for values, test := range tests {
		t.Run(values, func(t *testing.T) {
			all := templates(t, render(t, values))
			assert.Subset(t, all["quiesce-webhook"].Spec.Containers[0].Args, append(test.webhook, test.both...))
			assert.Subset(t, all["quiesce-controller"].Spec.Containers[0].Args, append(test.controller, test.both...))
		})
	}
}

func TestTheMonitorLeadsToTheMetrics(t *testing.T) {
	assert.Empty(t, names(render(t, "defaults.yaml"), "ServiceMonitor"), "its CRD is not there everywhere")

	all := render(t, "prometheus-operator.yaml")
	service := find[corev1.Service](t, all, "Service", "quiesce-metrics")
	for _, monitor := range all {
		if monitor.GetKind() != "ServiceMonitor" {
			continue
		}
		selector, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
		require.NoError(t, err)
		assert.NotEmpty(t, selector)
		for key, value := range selector {
			assert.Equal(t, value, service.Labels[key])
		}
		endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		require.NoError(t, err)
		assert.Equal(t, []any{map[string]any{"port": service.Spec.Ports[0].Name, "interval": "30s"}}, endpoints)
		assert.Equal(t, "prometheus", monitor.GetLabels()["release"])
		assert.Equal(t, "quiesce", monitor.GetLabels()["app.kubernetes.io/name"])
		return
	}
	t.Fatal("there is no ServiceMonitor")
}

func TestTheWebhookIsThereBeforeAndAfterAnyPodOfIt(t *testing.T) {
	all := render(t, "defaults.yaml")
	deployment := find[appsv1.Deployment](t, all, "Deployment", "quiesce-webhook")

	assert.Equal(t, int32(2), *deployment.Spec.Replicas)
	assert.Zero(t, deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
	assert.Equal(t, []string{"quiesce-webhook"}, names(all, "PodDisruptionBudget"))
	affinity := deployment.Spec.Template.Spec.Affinity.PodAntiAffinity
	assert.Len(t, affinity.PreferredDuringSchedulingIgnoredDuringExecution, 1)
	assert.Empty(t, affinity.RequiredDuringSchedulingIgnoredDuringExecution)
}

func TestOneReplicaHasNoBudgetThatWouldBlockADrain(t *testing.T) {
	all := render(t, "one-replica.yaml")

	assert.Empty(t, names(all, "PodDisruptionBudget"))
	assert.Nil(t, find[appsv1.Deployment](t, all, "Deployment", "quiesce-webhook").Spec.Template.Spec.Affinity)
}

func TestThePodOutlivesTheShutdownDelay(t *testing.T) {
	tests := map[string]struct {
		delay string
		grace int64
	}{
		"defaults.yaml":    {delay: "--shutdown-delay=5s", grace: 40},
		"all-options.yaml": {delay: "--shutdown-delay=20s", grace: 55},
	}
	for values, test := range tests {
		t.Run(values, func(t *testing.T) {
			pod := find[appsv1.Deployment](t, render(t, values), "Deployment", "quiesce-webhook").Spec.Template.Spec
			assert.Contains(t, pod.Containers[0].Args, test.delay)
			assert.Equal(t, test.grace, *pod.TerminationGracePeriodSeconds)
		})
	}
}

func TestUsersLabelsDoNotBreakTheSelectors(t *testing.T) {
	all := render(t, "all-options.yaml")
	deployment := find[appsv1.Deployment](t, all, "Deployment", "quiesce-webhook")
	service := find[corev1.Service](t, all, "Service", "quiesce-webhook")

	labels := deployment.Spec.Template.Labels
	assert.Equal(t, "backup", labels["team"])
	assert.Subset(t, labels, service.Spec.Selector)
	controller := find[appsv1.Deployment](t, all, "Deployment", "quiesce-controller")
	assert.NotSubset(t, controller.Spec.Template.Labels, service.Spec.Selector, "the Service would send admission requests to the controller")
}

func TestTheServiceLeadsToTheWebhooksPort(t *testing.T) {
	all := render(t, "defaults.yaml")
	service := find[corev1.Service](t, all, "Service", "quiesce-webhook")
	container := find[appsv1.Deployment](t, all, "Deployment", "quiesce-webhook").Spec.Template.Spec.Containers[0]

	require.Len(t, service.Spec.Ports, 1)
	assert.Equal(t, int32(443), service.Spec.Ports[0].Port)
	assert.Contains(t, container.Ports, corev1.ContainerPort{Name: service.Spec.Ports[0].TargetPort.StrVal, ContainerPort: 9443})
	assert.Contains(t, container.Args, "--webhook-port=9443")
}

func TestASpreadConstraintWithoutSelectorCountsItsOwnPods(t *testing.T) {
	pod := find[appsv1.Deployment](t, render(t, "all-options.yaml"), "Deployment", "quiesce-webhook").Spec.Template.Spec

	require.Len(t, pod.TopologySpreadConstraints, 2)
	assert.Equal(t, "webhook", pod.TopologySpreadConstraints[0].LabelSelector.MatchLabels["app.kubernetes.io/component"])
	assert.Equal(t, map[string]string{"team": "backup"}, pod.TopologySpreadConstraints[1].LabelSelector.MatchLabels)
}
