package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/world"
)

// load reads, all at once, what a report is made of.
func load(ctx context.Context, cluster client.Reader, namespace string, wanted subject) (*scene, error) {
	var (
		s      = &scene{namespace: namespace, kind: wanted.name, name: wanted.named}
		ground corev1.Namespace
		pods   corev1.PodList
		object = wanted.object()

		noWorld, noGround, noPods, noObject error
		requests                            sync.WaitGroup
	)
	requests.Go(func() { s.world, noWorld = world.Load(ctx, cluster, namespace) })
	requests.Go(func() { noGround = cluster.Get(ctx, client.ObjectKey{Name: namespace}, &ground) })
	requests.Go(func() { noPods = cluster.List(ctx, &pods, client.InNamespace(namespace)) })
	requests.Go(func() {
		noObject = cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: wanted.named}, object)
	})
	requests.Wait()
	unread, unlisted := apierrors.IsForbidden(noGround), apierrors.IsForbidden(noPods)
	switch {
	case apierrors.IsNotFound(noGround):
		return nil, unknown(ctx, cluster, "namespace", namespace, "", &corev1.NamespaceList{})
	case noGround != nil && !unread:
		return nil, noGround
	case apierrors.IsNotFound(noObject):
		return nil, unknown(ctx, cluster, strings.ToLower(wanted.name), wanted.named, namespace, wanted.list())
	case noPods != nil && !unlisted:
		return nil, noPods
	}
	if err := cmp.Or(noObject, noWorld); err != nil {
		return nil, err
	}
	s.known, s.labels, s.pods = !unread, ground.Labels, pods.Items
	if unread {
		s.world.Gaps = append(s.world.Gaps, fmt.Sprintf("the labels of namespace %s are not known, since you may not read it: "+
			"policies with a namespaceSelector are taken not to select it", namespace))
	}
	if unlisted {
		s.world.Gaps = append(s.world.Gaps, fmt.Sprintf("the other pods of namespace %s are not known, since you may not list them: "+
			"hooks that run in one pod of many may run in another than is said here", namespace))
	}
	if pod, is := object.(*corev1.Pod); is {
		s.explained = []*corev1.Pod{pod}
		if unlisted {
			s.pods = []corev1.Pod{*pod}
		}
		return s, nil
	}
	if err := s.explainWorkload(object, wanted.kind); err != nil {
		return nil, err
	}
	return s, nil
}

// explainWorkload has the workload explained by its pods, or by its template.
func (s *scene) explainWorkload(workload client.Object, kind kind) error {
	selector, template := kind.workload(workload)
	selects, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(kind.name), workload.GetName(), err)
	}
	for i := range s.pods {
		if pod := &s.pods[i]; selects.Matches(labels.Set(pod.Labels)) && owns(workload, kind.name, pod) {
			s.explained = append(s.explained, pod)
		}
	}
	slices.SortFunc(s.explained, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	if len(s.explained) == 0 {
		s.template = templated(workload, template)
	}
	return nil
}

// unknown is the error for an object that there is not, with the names of those that there are, as far as the user may read them.
func unknown(ctx context.Context, cluster client.Reader, kind, name, namespace string, list client.ObjectList) error {
	var names []string
	if err := cluster.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("there is no %s %q", kind, name) // who may not list them gets no suggestion
	}
	_ = meta.EachListItem(list, func(object runtime.Object) error {
		if named, is := object.(client.Object); is {
			names = append(names, named.GetName())
		}
		return nil
	})
	err := command.Unknown(kind, name, names)
	if namespace == "" {
		return err
	}
	return fmt.Errorf("namespace %s: %w", namespace, err)
}
