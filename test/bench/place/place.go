// Package place makes what a measurement needs: a cluster with Quiesce in it, and a namespace with a policy and pods.
package place

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// Patience is how long anything here may take.
const Patience = 15 * time.Minute

// Place is a cluster with Quiesce in it.
type Place struct {
	API      client.WithWatch
	Config   *rest.Config
	Executor *action.Executor
}

// Open brings the cluster up with further parts, such as --kwok, and installs Quiesce with further values, such as a=b.
func Open(ctx context.Context, parts []string, values ...string) (*Place, error) {
	repository, err := walkthrough.Repository()
	if err != nil {
		return nil, err
	}
	cluster := walkthrough.Cluster{Repository: repository, Progress: os.Stderr}
	if err := cluster.Up(ctx, parts...); err != nil {
		return nil, err
	}
	if err := cluster.Load(ctx, "busybox", "quiesce"); err != nil {
		return nil, err
	}
	terminal, err := walkthrough.OpenTerminal(ctx, cluster, nil)
	if err != nil {
		return nil, err
	}
	// On a machine that is busy, pods get what they have asked for: a bare client or Velero, which are no pods, would be ahead otherwise.
	if err := walkthrough.Install(ctx, terminal, append(values, "controller.resources.requests.cpu=700m")...); err != nil {
		return nil, err
	}
	p := &Place{}
	if p.API, err = walkthrough.Connect(ctx, cluster); err != nil {
		return nil, err
	}
	if p.Config, err = walkthrough.Config(ctx, cluster); err != nil {
		return nil, err
	}
	p.Executor, err = action.New(p.Config, p.API)
	return p, err
}

// Prepare makes a namespace, and a policy for it.
func (p *Place) Prepare(ctx context.Context, name string, spec v1alpha1.HookPolicySpec) error {
	if err := p.Remove(ctx, name); err != nil {
		return fmt.Errorf("removing what an interrupted run has left: %w", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.HooksLabel: v1alpha1.HooksEnabled}}}
	spec.Selector.IncludedNamespaces = []v1alpha1.NamespaceGlob{v1alpha1.NamespaceGlob(name)}
	if err := p.API.Create(ctx, namespace); err != nil {
		return err
	}
	return p.API.Create(ctx, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
}

// Remove takes both away, and waits until they are gone.
func (p *Place) Remove(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	err := errors.Join(
		client.IgnoreNotFound(p.API.Delete(ctx, &v1alpha1.HookPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}})),
		client.IgnoreNotFound(p.API.Delete(ctx, namespace)))
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, time.Second, Patience, true, func(ctx context.Context) (bool, error) {
		err := p.API.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		return err != nil, client.IgnoreNotFound(err)
	})
}

// RunPods runs pods that do nothing, pod-0 and so on, and returns them when all of them run.
func (p *Place) RunPods(ctx context.Context, namespace string, count int) ([]corev1.Pod, error) {
	var group errgroup.Group
	group.SetLimit(10)
	for i := range count {
		group.Go(func() error { return p.RunPod(ctx, namespace, fmt.Sprintf("pod-%d", i)) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var pods corev1.PodList
	err := p.API.List(ctx, &pods, client.InNamespace(namespace))
	return pods.Items, err
}

// RunPod runs one.
func (p *Place) RunPod(ctx context.Context, namespace, name string) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64), AutomountServiceAccountToken: new(bool),
			Containers: []corev1.Container{{
				Name: "main", Image: "quiesce.test/busybox:1.35", ImagePullPolicy: corev1.PullIfNotPresent, Command: []string{"sleep", "86400"},
			}},
		},
	}
	if err := p.API.Create(ctx, pod); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, Patience, true, func(ctx context.Context) (bool, error) {
		err := p.API.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return err == nil && pod.Status.Phase == corev1.PodRunning, err
	})
}

// Freezing is a policy of both sides.
func Freezing(shell v1alpha1.Shell, freeze, thaw []string) v1alpha1.HookPolicySpec {
	hook := func(name string, stage v1alpha1.Stage, command []string) v1alpha1.Hook {
		return v1alpha1.Hook{Name: name, Stages: []v1alpha1.Stage{stage}, Exec: &v1alpha1.ExecAction{Command: command}}
	}
	return v1alpha1.HookPolicySpec{Shell: shell, Hooks: []v1alpha1.Hook{
		hook("freeze", v1alpha1.PreSnapshot, freeze), hook("thaw", v1alpha1.PostSnapshot, thaw),
	}}
}
