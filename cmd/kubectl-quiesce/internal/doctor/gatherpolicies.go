package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/policies"
	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// shelf is what the API server has of policies and of what they refer to, with sentences for what could not be read.
type shelf struct {
	policies.Objects
	// unread are the kinds that may not be listed.
	unread []string
	gaps   []string
}

// readPolicies reads what it may. It is an error only where something else than rights stands in the way.
func (g *gatherer) readPolicies(ctx context.Context) {
	g.library = learn("", func() (shelf, error) {
		var (
			hookPolicies v1alpha1.HookPolicyList
			namespaced   v1alpha1.NamespacedHookPolicyList
			scripts      v1alpha1.HookScriptList
			templates    v1alpha1.HookTemplateList
			unread, gaps []string
			errs         []error
		)
		for _, kind := range []struct {
			list                      client.ObjectList
			name, resource, namespace string
		}{
			{&hookPolicies, "HookPolicy", "hookpolicies", ""},
			{&namespaced, "NamespacedHookPolicy", "namespacedhookpolicies", g.facts.Namespace},
			{&scripts, "HookScript", "hookscripts", ""},
			{&templates, "HookTemplate", "hooktemplates", ""},
		} {
			err := g.client.List(ctx, kind.list, client.InNamespace(kind.namespace))
			if apierrors.IsForbidden(err) {
				needed := "list " + kind.resource
				if kind.resource == "namespacedhookpolicies" {
					needed = right("list", kind.resource, kind.namespace)
				}
				unread = append(unread, kind.name)
				gaps = append(gaps, fmt.Sprintf("which %s there are is not known: needs the right to %s", kind.resource, needed))
				continue
			}
			errs = append(errs, err)
		}
		return shelf{
			Objects: policies.Objects{Cluster: hookPolicies.Items, Namespaced: namespaced.Items, Scripts: scripts.Items, Templates: templates.Items},
			unread:  unread,
			gaps:    gaps,
		}, errors.Join(errs...)
	})
}

// compile makes of the policies what the webhook and the controller make of them, as far as their flags are known. Where they are not, fewer
// pods are taken to need a stamp, and not more.
func (g *gatherer) compile() {
	if !g.library.known() {
		g.facts.Policies = Fact[Policies]{Err: g.library.Err}
		return
	}
	read := &g.library.Value
	options := stamp.Options{BackupHooks: g.backupHooks}
	if value, _ := g.facts.flag("velero-backup-hooks"); value == "Override" {
		options.BackupHooks = nil
	}
	if value, _ := g.facts.flag("velero-native-sidecars"); value == "true" {
		options.NativeSidecars = true
	}
	found := Policies{World: world.Of(read.Objects, options, g.facts.scope()), Scripts: read.Scripts, Templates: read.Templates}
	found.Gaps = append(found.Gaps, read.gaps...)
	found.NotRead(read.unread...)
	for i := range read.Cluster {
		p := &read.Cluster[i]
		found.Objects = append(found.Objects, Policy{match.Ref{Name: p.Name}, p.Generation, written(p), &p.Spec, &p.Status})
	}
	for i := range read.Namespaced {
		p := &read.Namespaced[i]
		found.Objects = append(found.Objects, Policy{match.Ref{Namespace: p.Namespace, Name: p.Name}, p.Generation, written(p), &p.Spec, &p.Status})
	}
	g.facts.Policies = Fact[Policies]{Value: found}
}

// written is when somebody last wrote an object, but for its status.
func written(object metav1.Object) time.Time {
	last := object.GetCreationTimestamp().Time
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}

// stampedLike finds a pod that policies stamp, and says what a new one like it would be; nil where there is none.
func (f *Facts) stampedLike() (like, fresh *corev1.Pod) {
	in := f.optedIn()
	for i := range f.AppPods.Value {
		pod := &f.AppPods.Value[i]
		namespace, takesPart := in[pod.Namespace]
		if !takesPart || ended(pod) {
			continue
		}
		fresh := freshPod(pod, f.restoreMarkers())
		if len(f.Policies.Value.Compiled.Decide(namespace, asStamp(fresh)).Set) > 0 {
			return pod, fresh
		}
	}
	return nil, nil
}

// freshPod is a new pod that policies cannot tell from another, but for labels by which restored ones are known. It asks for nothing, so that
// as little as can be stands in its way.
func freshPod(pod *corev1.Pod, restoreMarkers []string) *corev1.Pod {
	labels := maps.Clone(pod.Labels)
	for _, marker := range restoreMarkers { // to be prepared it would need its volumes
		delete(labels, marker)
	}
	fresh := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, GenerateName: "quiesce-doctor-", Labels: labels},
		Spec: corev1.PodSpec{
			SchedulingGates:              []corev1.PodSchedulingGate{{Name: "quiesce.io/doctor"}},
			AutomountServiceAccountToken: new(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
	slim := func(containers []corev1.Container) []corev1.Container {
		var slimmed []corev1.Container
		for i := range containers {
			slimmed = append(slimmed, corev1.Container{
				Name: containers[i].Name, Image: containers[i].Image, RestartPolicy: containers[i].RestartPolicy,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			})
		}
		return slimmed
	}
	fresh.Spec.Containers = slim(pod.Spec.Containers)
	for _, container := range slim(pod.Spec.InitContainers) {
		if container.RestartPolicy != nil { // native sidecars are looked at too
			fresh.Spec.InitContainers = append(fresh.Spec.InitContainers, container)
		}
	}
	return fresh
}
