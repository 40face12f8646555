package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// patience is how long a wave of parts may take to become ready.
const patience = 90 * time.Second

// up brings the cluster to where every part runs and is ready. What runs already is left alone, so that it serves for
// the first start, for adding optional parts and for starting what has died.
func up(ctx context.Context, l layout, wanted optional) error {
	if os.Geteuid() != 0 {
		return errors.New("up needs root: it makes a bridge, cgroups and mounts")
	}
	if err := installPackages(ctx, slices.Concat(clusterNeeds, imageNeeds)); err != nil {
		return err
	}
	release, err := lock(l.cluster+".lock", "the cluster")
	if err != nil {
		return err
	}
	defer release()
	c, err := openCluster(ctx, l, wanted)
	if err != nil {
		return err
	}
	started, err := c.startAll(ctx)
	if err != nil {
		return err
	}
	if c.NodeAgent {
		fresh, err := c.ensureNodeAgent(ctx)
		if err != nil {
			return fmt.Errorf("node-agent: %w", err)
		}
		if fresh {
			started++
		}
	}
	if started == 0 {
		say("the cluster is running already (%s); status shows its parts", l.cluster)
	} else {
		say("the cluster is ready")
	}
	say("export KUBECONFIG=%s", l.kubeconfig("admin"))
	return nil
}

// openCluster makes all that parts stand on: binaries, network, cgroups, ports, certificates.
func openCluster(ctx context.Context, l layout, wanted optional) (*cluster, error) {
	c := &cluster{layout: l}
	before, err := l.readChoices()
	fresh := errors.Is(err, errNoCluster)
	if err != nil && !fresh {
		return nil, err
	}
	wanted = wanted.and(before.optional)
	if c.binaries, err = l.ensureBinaries(ctx, wanted.binaries()); err != nil {
		return nil, err
	}
	if owner, _ := bridgeOwner(); fresh && (owner == l.cluster || len(l.marked()) > 0) {
		say("removing what an earlier cluster has left, whose folder is gone")
		if err := l.removeCluster(ctx); err != nil {
			return nil, err
		}
	}
	settings := readSettings("/proc/sys")
	if err := l.makeNetwork(ctx); err != nil {
		return nil, err
	}
	if err := makeCgroups(); err != nil {
		return nil, err
	}
	c.choices = before
	if fresh {
		c.choices = choices{Sysctl: settings, OnlyKubelet: onlyKubelet()}
	}
	c.optional = wanted
	if state, _ := l.state("velero"); state == running && wanted.CSI && !before.CSI {
		// It takes snapshots through the API of CSI only when it was told so as it started.
		if err := l.stopPart("velero", stopPatience); err != nil {
			return nil, err
		}
	}
	if c.Ports, err = pickPorts(ctx, before.Ports); err != nil {
		return nil, err
	}
	if err := l.writeChoices(c.choices); err != nil {
		return nil, err
	}
	return c, l.makePKI(c.apiserver())
}

// startAll starts wave after wave what does not run, and waits for each to be ready.
func (c *cluster) startAll(ctx context.Context) (started int, err error) {
	parts := c.parts()
	processes := map[string]*process{}
	for wave := 1; ; wave++ {
		var members []part
		for _, p := range parts {
			if p.wave == wave {
				members = append(members, p)
			}
		}
		if len(members) == 0 {
			return started, nil
		}
		for _, p := range members {
			process, fresh, err := c.ensureStarted(ctx, p)
			if err != nil {
				return started, err
			}
			processes[p.name] = process
			if fresh {
				started++
			}
		}
		if err := c.waitReady(ctx, members, processes); err != nil {
			return started, err
		}
		if wave == 1 {
			if err := c.loadPause(ctx); err != nil {
				return started, err
			}
		}
	}
}

// ensureStarted leaves a part alone that runs, and starts it otherwise.
func (c *cluster) ensureStarted(ctx context.Context, p part) (_ *process, fresh bool, err error) {
	state, id := c.state(p.name)
	if state == running {
		return &process{id: id}, false, nil
	}
	if state == dead {
		say("%s has died; starting it again (log %s)", p.name, c.log(p.name))
	}
	if p.prepare != nil {
		if err := p.prepare(ctx); err != nil {
			return nil, false, fmt.Errorf("preparing %s: %w", p.name, err)
		}
	}
	started, err := c.start(p)
	if err != nil {
		return nil, false, err
	}
	say("started %s (pid %d)", p.name, started.id.PID)
	return started, true, nil
}

// waitReady waits until each member is ready, and gives up at once when any part has ended.
func (c *cluster) waitReady(ctx context.Context, members []part, processes map[string]*process) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, p := range members {
		step := "waiting for " + p.name
		done := ticking(step)
		err := c.waitPart(ctx, p, processes)
		done()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) waitPart(ctx context.Context, p part, processes map[string]*process) error {
	for {
		reason := p.ready(ctx)
		for name, process := range processes {
			if !proc.alive(process.id) {
				return c.crashed(name, process)
			}
		}
		if reason == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("interrupted while waiting for %s; what was started runs on: `up` continues, `down` ends it", p.name)
			}
			return fmt.Errorf("%s runs but is not ready: %w\n  end of its log %s:\n%s", p.name, reason, c.log(p.name), tailOfFile(c.log(p.name), 20))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) crashed(name string, process *process) error {
	// The end is told by another goroutine, a moment after the process has gone.
	how := process.end()
	for wait := 0; how == "" && wait < 10; wait++ {
		time.Sleep(10 * time.Millisecond)
		how = process.end()
	}
	if how == "" {
		how = "exit status unknown, an earlier run started it"
	}
	return fmt.Errorf("%s has ended (%s)\n  end of its log %s:\n%s", name, how, c.log(name), tailOfFile(c.log(name), 20))
}
