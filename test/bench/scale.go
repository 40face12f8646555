package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/stamp"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	name       = "quiesce-bench"
	nodes      = 20
	clients    = 8
	commandKey = v1alpha1.VeleroPrePrefix + v1alpha1.VeleroCommand
)

// scale is a namespace of simulated pods, and the policy that selects them.
type scale struct {
	api  client.WithWatch
	pods int
}

func (s scale) policy() *v1alpha1.HookPolicy {
	return &v1alpha1.HookPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.HookPolicySpec{
			Selector: v1alpha1.PolicySelector{IncludedNamespaces: []v1alpha1.NamespaceGlob{name}},
			Hooks: []v1alpha1.Hook{
				{Name: "freeze", Stages: []v1alpha1.Stage{v1alpha1.PreSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"fsfreeze", "--freeze", "/data"}}},
				{Name: "thaw", Stages: []v1alpha1.Stage{v1alpha1.PostSnapshot}, Exec: &v1alpha1.ExecAction{Command: []string{"fsfreeze", "--unfreeze", "/data"}}},
			},
		},
	}
}

// create makes the nodes, the policy and the pods, which the webhook stamps.
func (s scale) create(ctx context.Context) error {
	for i := range nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, i), Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
			Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "kwok.x-k8s.io/node", Value: "fake", Effect: corev1.TaintEffectNoSchedule}}}}
		if err := s.api.Create(ctx, node); err != nil {
			return err
		}
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
	for _, object := range []client.Object{namespace, s.policy()} {
		if err := s.api.Create(ctx, object); err != nil {
			return err
		}
	}
	begun := time.Now()
	var group errgroup.Group
	group.SetLimit(clients)
	for i := range s.pods {
		group.Go(func() error { return s.api.Create(ctx, pod(i)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("created %d pods in %.0f s\n", s.pods, time.Since(begun).Seconds())
	_, err := s.measure(ctx, nil, func(pod *metav1.PartialObjectMetadata) bool { return !bare(pod) })
	return err
}

// pod is like those of a Deployment: labels, a few variables, a volume.
func pod(i int) *corev1.Pod {
	container := corev1.Container{Name: "app", Image: "registry.example.com/app:1"}
	for v := range 20 {
		container.Env = append(container.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", v), Value: "a value of some length"})
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: fmt.Sprintf("pod-%d", i), Labels: map[string]string{
			"app": fmt.Sprintf("app-%d", i%100), "pod-template-hash": strconv.Itoa(i % 500)}},
		Spec: corev1.PodSpec{NodeName: fmt.Sprintf("%s-%d", name, i%nodes), Containers: []corev1.Container{container},
			AutomountServiceAccountToken: new(bool), TerminationGracePeriodSeconds: new(int64)},
	}
}

func (s scale) edit(ctx context.Context) error {
	return s.patch(ctx, `{"spec":{"maxQuiesce":"7m","hooks":[`+
		`{"name":"freeze","stages":["PreSnapshot"],"timeout":"11s","exec":{"command":["fsfreeze","--freeze","/data"]}},`+
		`{"name":"thaw","stages":["PostSnapshot"],"timeout":"11s","exec":{"command":["fsfreeze","--unfreeze","/data"]}}]}}`)
}

func (s scale) suspend(ctx context.Context) error { return s.patch(ctx, `{"spec":{"suspend":true}}`) }

func (s scale) patch(ctx context.Context, patch string) error {
	return s.api.Patch(ctx, s.policy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// condition is what a change comes to on a pod.
type condition func(*metav1.PartialObjectMetadata) bool

// carriesEdit holds for pods that carry what edit writes: a timeout of the hook as no default makes it.
func carriesEdit(pod *metav1.PartialObjectMetadata) bool {
	return strings.Contains(pod.Annotations[commandKey], "before 0 11 ")
}

func bare(pod *metav1.PartialObjectMetadata) bool { return len(stamp.Unstamp(pod.Annotations)) == 0 }

// measure makes a change and waits until a condition holds for every pod, told by a watch: listing them again and again
// would be most of the load.
func (s scale) measure(ctx context.Context, change func(context.Context) error, holds condition) (time.Duration, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	if err := s.api.List(ctx, list, client.InNamespace(name)); err != nil {
		return 0, err
	}
	pending := map[string]bool{}
	for i := range list.Items {
		pending[list.Items[i].Name] = true
		if change == nil && holds(&list.Items[i]) {
			delete(pending, list.Items[i].Name)
		}
	}
	watched := list.DeepCopy()
	watched.Items = nil
	events, err := s.api.Watch(ctx, watched, client.InNamespace(name), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.ResourceVersion}})
	if err != nil {
		return 0, err
	}
	defer events.Stop()
	begun := time.Now()
	if change != nil {
		if err := change(ctx); err != nil {
			return 0, err
		}
	}
	for len(pending) > 0 {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case event, open := <-events.ResultChan():
			pod, isPod := event.Object.(*metav1.PartialObjectMetadata)
			if !open || !isPod {
				return 0, fmt.Errorf("the watch has ended with %d pods to go: %v", len(pending), event.Object)
			}
			if holds(pod) {
				delete(pending, pod.Name)
			}
		}
	}
	return time.Since(begun), nil
}

// remove deletes all that create has made.
func (s scale) remove(ctx context.Context) error {
	if err := client.IgnoreNotFound(s.api.Delete(ctx, s.policy())); err != nil {
		return err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := client.IgnoreNotFound(s.api.Delete(ctx, namespace)); err != nil {
		return err
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 15*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := s.api.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		return err != nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		return err
	}
	for i := range nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, i)}}
		if err := client.IgnoreNotFound(s.api.Delete(ctx, node)); err != nil {
			return err
		}
	}
	return nil
}
