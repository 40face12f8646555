package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/test/bench/place"
)

const name = "quiesce-bench-velero"

// rounds of which the medians are taken. Hooks that wait vary little, and one after another they take minutes.
func rounds(hook time.Duration) int {
	if hook > 0 {
		return 1
	}
	return 3
}

// bench measures on a number of pods.
type bench struct {
	*place.Place
	pods int
}

// measured are the medians of some rounds.
type measured struct {
	stage, together, whole, each, backup []time.Duration
	// start is how long after all were quiesced Velero began; there is none where Velero quiesces.
	start []time.Duration
}

// String is the rest of a row of the table.
func (m measured) String() string {
	start := "–"
	if len(m.start) > 0 {
		start = seconds(m.start)
	}
	together := "never"
	if median(m.together) > 0 {
		together = seconds(m.together)
	}
	return strings.Join([]string{seconds(m.stage), together, seconds(m.whole), seconds(m.each), seconds(m.backup), start}, " | ") + " |"
}

func seconds(all []time.Duration) string { return fmt.Sprintf("%.2f s", median(all).Seconds()) }

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// measure takes backups of an application whose hooks take so long.
func (b *bench) measure(ctx context.Context, how manner, hook time.Duration) (_ measured, err error) {
	spec := place.Freezing(v1alpha1.Posix, marking("freezing", "frozen", hook), marking("thawing", "thawed", hook))
	spec.Velero.Mode = how.mode
	if err := b.Prepare(ctx, name, spec); err != nil {
		return measured{}, err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx), name)) }()
	pods, err := b.RunPods(ctx, name, b.pods)
	if err != nil {
		return measured{}, err
	}
	if err := b.waitStamped(ctx, how.mode == v1alpha1.VeleroStamp); err != nil {
		return measured{}, err
	}
	var m measured
	for range rounds(hook) {
		begun := time.Now()
		backup, started, err := b.backUp(ctx, how, pods)
		if err != nil {
			return measured{}, err
		}
		took := time.Since(begun)
		if how.mode == v1alpha1.VeleroSession {
			quiesced, err := b.waitThawed(ctx, backup)
			if err != nil {
				return measured{}, err
			}
			m.start = append(m.start, started.Sub(quiesced))
		}
		all, err := b.read(ctx, pods)
		if err != nil {
			return measured{}, err
		}
		m.stage = append(m.stage, latest(all, frozen).Sub(earliest(all, freezing)))
		m.together = append(m.together, earliest(all, thawing).Sub(latest(all, frozen)))
		m.whole = append(m.whole, latest(all, thawed).Sub(earliest(all, freezing)))
		var each time.Duration
		for _, one := range all {
			each += one.thawed.Sub(one.freezing) / time.Duration(len(all))
		}
		m.each, m.backup = append(m.each, each), append(m.backup, took)
	}
	return m, nil
}

// waitStamped waits until all pods carry hooks, or none does.
func (b *bench) waitStamped(ctx context.Context, want bool) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, place.Patience, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := b.API.List(ctx, &pods, client.InNamespace(name))
		return !slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool {
			return (pod.Annotations[v1alpha1.StampAnnotation] != "") != want
		}), err
	})
}

// waitThawed waits until the session of a backup has thawed all pods, and returns when it had quiesced them.
func (b *bench) waitThawed(ctx context.Context, backup *unstructured.Unstructured) (quiesced time.Time, err error) {
	var sessions v1alpha1.HookSessionList
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, place.Patience, true, func(ctx context.Context) (bool, error) {
		err := b.API.List(ctx, &sessions, client.InNamespace(name), client.MatchingLabels{v1alpha1.SourceUIDLabel: string(backup.GetUID())})
		return err == nil && len(sessions.Items) == 1 && sessions.Items[0].Status.FinishedAt != nil, err
	})
	if err != nil {
		return quiesced, fmt.Errorf("waiting for the session of backup %s: %w", backup.GetName(), err)
	}
	status := &sessions.Items[0].Status
	if status.Phase != v1alpha1.PhaseComplete || status.Window == nil || status.Window.QuiescedAt == nil {
		return quiesced, fmt.Errorf("the session of backup %s is %s: %s", backup.GetName(), status.Phase, status.Message)
	}
	return status.Window.QuiescedAt.Time, nil
}
