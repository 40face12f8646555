package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// down ends the cluster and removes all that it made on this machine. Every step is bounded in time and none relies on
// another having gone well, so that it works after any crash, twice in a row, and with no cluster at all.
func down(ctx context.Context, l layout) error {
	if os.Geteuid() != 0 {
		return errors.New("down needs root, as up does")
	}
	release, err := lock(l.cluster+".lock", "the cluster")
	if err != nil {
		return err
	}
	defer release()
	_, err = os.Stat(l.cluster)
	if owner, _ := bridgeOwner(); err != nil && owner != l.cluster && len(l.marked()) == 0 {
		say("there is no cluster in %s; nothing to do", l.cluster)
		return nil
	}
	return l.removeCluster(ctx)
}

func (l layout) removeCluster(ctx context.Context) error {
	// Network and cgroups exist once on a machine; the bridge tells whose they are, even when the folder is lost.
	owner, bridged := bridgeOwner()
	ours := owner == l.cluster || !bridged
	chosen, _ := l.readChoices()
	var problems []error
	note := func(what string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", what, err))
		}
	}
	// First what would start containers again or keep backups going; the data of all is thrown away, so none needs time.
	say("stopping the control plane and kubelet")
	var ids []identity
	for _, name := range partNames {
		if state, id := l.state(name); state == running && name != "containerd" {
			ids = append(ids, id)
		}
	}
	remaining := end(ids, 0)
	note("frozen volumes", bounded(10*time.Second, func() error { return thawBelow(l.cluster) }))
	if ours {
		say("stopping containers")
		remaining = append(remaining, end(cgroupProcesses(), 0)...)
	}
	if state, id := l.state("containerd"); state == running {
		l.deleteTasks(ctx)
		remaining = append(remaining, end([]identity{id}, 5*time.Second)...)
	}
	remaining = append(remaining, end(l.marked(), 0)...)

	say("removing mounts, network, cgroups and files")
	note("mounts", bounded(10*time.Second, func() error { return unmountBelow(l.cluster) }))
	if ours {
		note("network", removeNetwork(ctx))
		note("cgroups", removeCgroups())
		note("files outside its folder", l.removeStrayFiles(chosen))
	}
	note("kernel settings", restoreSettings("/proc/sys", chosen.Sysctl))
	if len(remaining) > 0 {
		problems = append(problems, fmt.Errorf("%s", describeRemaining(remaining)))
	}
	if len(problems) > 0 {
		// The folder stays: a later `down` finds in it what to go on with.
		return fmt.Errorf("not everything could be removed; run down again once the cause is gone\n%w", errors.Join(problems...))
	}
	if err := bounded(60*time.Second, func() error { return os.RemoveAll(l.cluster) }); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	say("the cluster is gone; caches stay in %s", l.cache)
	return nil
}

// bounded gives up on a step that hangs in the kernel, as unmounting a frozen filesystem does.
func bounded(most time.Duration, step func() error) error {
	done := make(chan error, 1)
	go func() { done <- step() }()
	select {
	case err := <-done:
		return err
	case <-time.After(most):
		return fmt.Errorf("no end after %s", most)
	}
}

// deleteTasks has containerd take its ended containers down: it unmounts their root filesystems and its shims end. What
// it does not manage in time is removed by hand afterwards, so its complaints do not matter.
func (l layout) deleteTasks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	list, err := l.ctr(ctx, "tasks", "ls", "--quiet")
	if err != nil {
		return
	}
	if tasks := strings.Fields(list); len(tasks) > 0 {
		_, _ = l.ctr(ctx, append([]string{"tasks", "rm", "--force"}, tasks...)...)
	}
}

// describeRemaining tells which processes even a kill did not end. In an uninterruptible sleep they mostly wait for a
// frozen filesystem: those on devices of their own are named, since thawing them is what helps.
func describeRemaining(remaining []identity) string {
	var text strings.Builder
	text.WriteString("these processes do not end:")
	candidates := map[string]bool{}
	for _, id := range remaining {
		name, _ := os.ReadFile(fmt.Sprintf("%s/%d/comm", proc, id.PID))
		s, err := proc.stat(id.PID)
		if err != nil {
			continue
		}
		fmt.Fprintf(&text, "\n  %d %s (state %c)", id.PID, strings.TrimSpace(string(name)), s.state)
		mounts, _ := os.ReadFile(fmt.Sprintf("%s/%d/mountinfo", proc, id.PID))
		for _, m := range parseMounts(string(mounts)) {
			if strings.HasPrefix(m.device, "/dev/loop") {
				candidates[m.device] = true
			}
		}
	}
	for device := range candidates {
		fmt.Fprintf(&text, "\n  it may wait for a frozen filesystem on %s: find its mount point with `findmnt %s` and thaw it with fsfreeze --unfreeze", device, device)
	}
	return text.String()
}
