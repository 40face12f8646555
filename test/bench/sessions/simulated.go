package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/bench/place"
	"github.com/quiesce-io/quiesce/test/bench/process"
)

const (
	simulatedName = "quiesce-bench-simulated"
	simulatedNode = "quiesce-bench-node"
	nodes         = 20
	clients       = 8
)

// measureSimulated takes many pods through a session. Commands run as processes of this machine, so that there is no watchdog: by
// shell None.
func (b *bench) measureSimulated(ctx context.Context, count int) (err error) {
	if err := b.Prepare(ctx, simulatedName, place.Freezing(v1alpha1.NoShell, []string{"true"}, []string{"true"})); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.removeSimulated(context.WithoutCancel(ctx))) }()
	if err := b.createNodes(ctx); err != nil {
		return err
	}
	begun := time.Now()
	var group errgroup.Group
	group.SetLimit(clients)
	for i := range count {
		group.Go(func() error { return b.API.Create(ctx, simulatedPod(i)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := b.waitRunning(ctx, count); err != nil {
		return err
	}
	fmt.Printf("%d simulated pods run after %.0f s\n", count, time.Since(begun).Seconds())
	controller, err := process.Controller()
	if err != nil {
		return err
	}
	before, err := controller.Usage()
	if err != nil {
		return err
	}
	writesBefore, err := b.statusWrites(ctx)
	if err != nil {
		return err
	}
	begun = time.Now()
	session, err := b.take(ctx, simulatedName)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	after, err := controller.Usage()
	if err != nil {
		return err
	}
	largest, runs, writes, err := b.weigh(ctx, session)
	if err != nil {
		return err
	}
	writes -= writesBefore
	fmt.Printf("a session of %d pod-hooks took %.1f s, quiesced for %s\n", session.Status.Hooks.Total, took.Seconds(), session.Status.Window.Duration)
	fmt.Printf("  %d HookRuns; the largest object has %d KiB\n", runs, largest>>10)
	fmt.Printf("  their statuses were written %d times, once for %.0f results\n", writes, float64(session.Status.Hooks.Total)/float64(writes))
	fmt.Printf("  the controller: %d MiB of memory at most (%d before), %.1f s of CPU time\n", after.Peak>>20, before.Peak>>20, (after.CPU - before.CPU).Seconds())
	return nil
}

func (b *bench) createNodes(ctx context.Context) error {
	for i := range nodes {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", simulatedNode, i), Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
			Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "kwok.x-k8s.io/node", Value: "fake", Effect: corev1.TaintEffectNoSchedule}}},
		}
		if err := client.IgnoreAlreadyExists(b.API.Create(ctx, node)); err != nil {
			return err
		}
	}
	return nil
}

func simulatedPod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: simulatedName, Name: fmt.Sprintf("application-6f7c5d8b9d-%05d", i), Labels: map[string]string{"app": "application"}},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("%s-%d", simulatedNode, i%nodes), AutomountServiceAccountToken: new(bool), TerminationGracePeriodSeconds: new(int64),
			Containers: []corev1.Container{{Name: "main", Image: "registry.example.com/app:1"}},
		},
	}
}

func (b *bench) waitRunning(ctx context.Context, count int) error {
	return wait.PollUntilContextTimeout(ctx, 2*time.Second, place.Patience, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := b.API.List(ctx, &pods, client.InNamespace(simulatedName))
		running := 0
		for i := range pods.Items {
			if statuses := pods.Items[i].Status.ContainerStatuses; len(statuses) > 0 && statuses[0].State.Running != nil {
				running++
			}
		}
		return running == count, err
	})
}

// weigh is what a session has left in the cluster: its largest object, and how often its runs were written.
func (b *bench) weigh(ctx context.Context, session *v1alpha1.HookSession) (largest, runs, writes int, err error) {
	var list v1alpha1.HookRunList
	if err := b.API.List(ctx, &list, client.InNamespace(session.Namespace)); err != nil {
		return 0, 0, 0, err
	}
	objects := []any{session}
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	for _, object := range objects {
		written, err := json.Marshal(object)
		if err != nil {
			return 0, 0, 0, err
		}
		largest = max(largest, len(written))
	}
	writes, err = b.statusWrites(ctx)
	return largest, len(list.Items), writes, err
}

func (b *bench) removeSimulated(ctx context.Context) error {
	err := b.Remove(ctx, simulatedName)
	for i := range nodes {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", simulatedNode, i)}}
		err = errors.Join(err, client.IgnoreNotFound(b.API.Delete(ctx, node)))
	}
	return err
}
