package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const veleroImage = "quiesce.test/velero:dev"

// veleroArchive holds what file-system backup takes from Velero's own image: the node-agent, and the program that a
// restored pod waits with. As there, the user has a name, and there is no shell; plugins belong to the server alone.
func veleroArchive(ctx context.Context, l layout) (string, error) {
	paths, err := l.ensureBinaries(ctx, []string{"velero", "velero-restore-helper"})
	if err != nil {
		return "", err
	}
	builds := []string{filepath.Base(filepath.Dir(paths["velero"])), filepath.Base(filepath.Dir(paths["velero-restore-helper"]))}
	return l.cachedArchive(veleroImage, append(builds, "1"), func(path, scratch string) error {
		layer := filepath.Join(scratch, "layer.tar")
		if err := writeLayer(layer, []entry{
			{path: "etc/", mode: 0o755}, {path: "root/", mode: 0o700}, {path: "tmp/", mode: 0o1777},
			{path: "etc/passwd", mode: 0o644, text: "root:x:0:0:root:/root:/sbin/nologin\ncnb:x:1002:1000::/home/cnb:/sbin/nologin\n"},
			{path: "etc/group", mode: 0o644, text: "root:x:0:\ncnb:x:1000:\n"},
			{path: "velero", mode: 0o755, from: paths["velero"]},
			{path: "velero-restore-helper", mode: 0o755, from: paths["velero-restore-helper"]},
		}); err != nil {
			return err
		}
		return writeArchive(path, veleroImage, v1.Config{User: "cnb:cnb", Env: []string{pathVariable}}, layer)
	})
}

// ensureNodeAgent runs Velero's node-agent, which copies volumes, as the DaemonSet of a real installation, and waits until
// it is ready. It is no process of ours: kubelet runs it.
func (c *cluster) ensureNodeAgent(ctx context.Context) (fresh bool, err error) {
	api := &api{cluster: c}
	if c.nodeAgentReady(ctx, api) == nil {
		return false, nil
	}
	if _, err := c.loadRecipe(ctx, recipes["velero"]); err != nil {
		return false, fmt.Errorf("image %s: %w", veleroImage, err)
	}
	objects, err := c.nodeAgentObjects(ctx)
	if err != nil {
		return false, err
	}
	if err := api.apply(ctx, objects); err != nil {
		return false, err
	}
	return true, c.waitNodeAgent(ctx, api)
}

func (c *cluster) waitNodeAgent(ctx context.Context, api *api) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer ticking("waiting for node-agent")()
	for {
		reason := c.nodeAgentReady(ctx, api)
		if reason == nil {
			say("node-agent is ready")
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w; see `kubectl --namespace velero describe pods --selector name=node-agent`, and logs in place of describe", reason)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) nodeAgentReady(ctx context.Context, api *api) error {
	var d daemonSet
	if err := api.raw(ctx, "/apis/apps/v1/namespaces/velero/daemonsets/node-agent", &d); err != nil {
		return err
	}
	return d.ready()
}

// daemonSet is the part of a DaemonSet that tells whether its pods run as it says.
type daemonSet struct {
	Metadata struct{ Generation int64 }
	Status   struct{ ObservedGeneration, DesiredNumberScheduled, UpdatedNumberScheduled, NumberReady int64 }
}

func (d daemonSet) ready() error {
	s := d.Status
	if s.ObservedGeneration < d.Metadata.Generation || s.DesiredNumberScheduled == 0 {
		return errors.New("no pods of it are wanted yet")
	}
	if ready := min(s.UpdatedNumberScheduled, s.NumberReady); ready < s.DesiredNumberScheduled {
		return fmt.Errorf("%d of %d pods are ready", ready, s.DesiredNumberScheduled)
	}
	return nil
}

// nodeAgentObjects are those that Velero's own installer of this very version would create for the node-agent: all else
// of an installation is there already.
func (c *cluster) nodeAgentObjects(ctx context.Context) (string, error) {
	install := command(ctx, c.binaries["velero"], "install", "--namespace=velero", "--dry-run", "--output=json",
		"--image="+veleroImage, "--secret-file="+c.veleroCredentials(), "--no-default-backup-location", "--use-volume-snapshots=false",
		"--use-node-agent", "--kubelet-root-dir="+c.kubeletRoot())
	// It refuses to run without a cluster, though it asks it nothing; the caller's settings for it do not belong here.
	install.Env = []string{"KUBECONFIG=" + c.kubeconfig("admin")}
	var complaint bytes.Buffer
	install.Stderr = &complaint
	list, err := install.Output()
	if err != nil {
		return "", fmt.Errorf("velero install: %w: %s", err, tail(complaint.String(), 5))
	}
	return pickKinds(list, "Secret", "DaemonSet")
}

// pickKinds makes a list of those objects of a list that are of the kinds, of which each must be there once.
func pickKinds(list []byte, kinds ...string) (string, error) {
	var all struct{ Items []json.RawMessage }
	if err := json.Unmarshal(list, &all); err != nil {
		return "", fmt.Errorf("reading a list of objects: %w", err)
	}
	var picked []json.RawMessage
	var found []string
	for _, item := range all.Items {
		var object struct{ Kind string }
		if err := json.Unmarshal(item, &object); err != nil {
			return "", err
		}
		if slices.Contains(kinds, object.Kind) {
			picked, found = append(picked, item), append(found, object.Kind)
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(found)), slices.Sorted(slices.Values(kinds))) {
		return "", fmt.Errorf("wanted one each of %v in a list of objects, found %v", kinds, found)
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": picked})
	return string(text), err
}
