package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/quiesce-io/quiesce/hooks/action"
)

// times are when the hooks of one pod began and ended.
type times struct {
	freezing, frozen, thawing, thawed time.Time
}

// marking is a hook's command, which leaves two files, of when it began and of when it ended.
func marking(begins, ends string, takes time.Duration) []string {
	return []string{"sh", "-c", fmt.Sprintf("touch /tmp/%s; sleep %g; touch /tmp/%s", begins, takes.Seconds(), ends)}
}

// read reads when the hooks ran in all pods.
func (b *bench) read(ctx context.Context, pods []corev1.Pod) ([]times, error) {
	var (
		group errgroup.Group
		lock  sync.Mutex
		all   []times
	)
	group.SetLimit(10)
	for i := range pods {
		group.Go(func() error {
			result := b.Executor.Exec(ctx, action.Request{
				Target:  action.Target{Namespace: pods[i].Namespace, Pod: pods[i].Name, UID: pods[i].UID, Container: "main"},
				Command: []string{"stat", "-c", "%y", "/tmp/freezing", "/tmp/frozen", "/tmp/thawing", "/tmp/thawed"}, Timeout: time.Minute,
			})
			if result.Reason != action.Succeeded {
				return fmt.Errorf("pod %s: %s: %s", pods[i].Name, result.Message, result.Output)
			}
			lines := strings.Split(strings.TrimSpace(result.Output), "\n")
			var one times
			for at, field := range []*time.Time{&one.freezing, &one.frozen, &one.thawing, &one.thawed} {
				moment, err := time.Parse("2006-01-02 15:04:05.999999999 -0700", lines[at])
				if err != nil {
					return fmt.Errorf("pod %s: %w", pods[i].Name, err)
				}
				*field = moment
			}
			lock.Lock()
			defer lock.Unlock()
			all = append(all, one)
			return nil
		})
	}
	return all, group.Wait()
}

// earliest and latest of one of the times of all pods.
func earliest(all []times, of func(times) time.Time) time.Time { return moments(all, of)[0] }
func latest(all []times, of func(times) time.Time) time.Time   { return moments(all, of)[len(all)-1] }

func moments(all []times, of func(times) time.Time) []time.Time {
	sorted := make([]time.Time, 0, len(all))
	for _, one := range all {
		sorted = append(sorted, of(one))
	}
	slices.SortFunc(sorted, time.Time.Compare)
	return sorted
}

func freezing(t times) time.Time { return t.freezing }
func frozen(t times) time.Time   { return t.frozen }
func thawing(t times) time.Time  { return t.thawing }
func thawed(t times) time.Time   { return t.thawed }
