package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/bench/place"
)

const (
	realName = "quiesce-bench-real"
	// atOnce is how many hooks a session runs at once by default.
	atOnce = 32
	rounds = 5
)

var freeze, thaw = []string{"touch", "/tmp/frozen"}, []string{"rm", "/tmp/frozen"}

// measureReal compares sessions with bare clients.
func (b *bench) measureReal(ctx context.Context, count int) (err error) {
	if err := b.Prepare(ctx, realName, place.Freezing(v1alpha1.Posix, freeze, thaw)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx), realName)) }()
	pods, err := b.RunPods(ctx, realName, count)
	if err != nil {
		return err
	}
	var stages, bares, guarded, serial, windows []time.Duration
	for range rounds {
		took, err := b.all(ctx, pods, atOnce, freeze, nil, false)
		if err != nil {
			return err
		}
		bares = append(bares, took)
		if _, err := b.all(ctx, pods, atOnce, thaw, nil, false); err != nil {
			return err
		}
		guard := &chain.Guard{Thaw: []chain.Hook{{Name: "thaw", Command: thaw, Timeout: v1alpha1.DefaultTimeout}}, MaxQuiesce: v1alpha1.DefaultMaxQuiesce}
		if took, err = b.all(ctx, pods, atOnce, freeze, guard, false); err != nil {
			return err
		}
		guarded = append(guarded, took)
		if _, err := b.all(ctx, pods, atOnce, thaw, nil, true); err != nil {
			return err
		}
		session, err := b.take(ctx, realName)
		if err != nil {
			return err
		}
		window := session.Status.Window
		stages = append(stages, window.QuiescedAt.Sub(window.OpenedAt.Time))
		windows = append(windows, window.ThawedAt.Sub(window.OpenedAt.Time))
	}
	took, err := b.all(ctx, pods, 1, freeze, nil, false)
	if err != nil {
		return err
	}
	serial = append(serial, took)
	fmt.Printf("%d real pods, medians of %d rounds:\n", count, rounds)
	fmt.Printf("  the stage, by a session                    %6.2f s\n", median(stages).Seconds())
	fmt.Printf("  the same commands, %d at once              %6.2f s: the session takes %.2f times that\n", atOnce, median(bares).Seconds(), ratio(stages, bares))
	fmt.Printf("  and with their watchdogs                   %6.2f s: the session takes %.2f times that\n", median(guarded).Seconds(), ratio(stages, guarded))
	fmt.Printf("  one after another                          %6.2f s: %.1f times the session's\n", median(serial).Seconds(), 1/ratio(stages, serial))
	fmt.Printf("  quiesced, from the first hook to the thaw  %6.2f s\n", median(windows).Seconds())
	return b.measurePair(ctx)
}

// measurePair measures what a session adds to the time for which one pod is quiesced by hooks that take a second each.
func (b *bench) measurePair(ctx context.Context) error {
	const name = realName + "-pair"
	slow := func(command []string) []string {
		return append([]string{"sh", "-c", `sleep 1; exec "$@"`, "sh"}, command...)
	}
	if err := b.Prepare(ctx, name, place.Freezing(v1alpha1.Posix, slow(freeze), slow(thaw))); err != nil {
		return err
	}
	defer func() { _ = b.Remove(context.WithoutCancel(ctx), name) }()
	if err := b.RunPod(ctx, name, "pod"); err != nil {
		return err
	}
	var windows []time.Duration
	for range rounds {
		session, err := b.take(ctx, name)
		if err != nil {
			return err
		}
		windows = append(windows, session.Status.Window.ThawedAt.Sub(session.Status.Window.OpenedAt.Time))
	}
	fmt.Printf("one pod with hooks of 1 s each: quiesced for %.2f s, %.2f s more than its hooks, the tool's own time included\n",
		median(windows).Seconds(), median(windows).Seconds()-2)
	return nil
}

// all runs a command in all pods, so many at once, as a client does that keeps no record.
func (b *bench) all(ctx context.Context, pods []corev1.Pod, atOnce int, command []string, arm *chain.Guard, disarm bool) (time.Duration, error) {
	var (
		group  errgroup.Group
		lock   sync.Mutex
		failed error
	)
	group.SetLimit(atOnce)
	begun := time.Now()
	for i := range pods {
		group.Go(func() error {
			result := b.Executor.Exec(ctx, action.Request{
				Target:  action.Target{Namespace: pods[i].Namespace, Pod: pods[i].Name, UID: pods[i].UID, Container: "main"},
				Command: command, Timeout: v1alpha1.DefaultTimeout, Arm: arm, Disarm: disarm,
			})
			if result.Reason != action.Succeeded {
				lock.Lock()
				defer lock.Unlock()
				failed = errors.New(result.Message)
			}
			return nil
		})
	}
	_ = group.Wait()
	return time.Since(begun), failed
}

func median(durations []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[len(sorted)/2]
}

func ratio(a, b []time.Duration) float64 { return median(a).Seconds() / median(b).Seconds() }
