package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// csiDriver is the name of our CSI driver, of its StorageClass and of its VolumeSnapshotClass.
const csiDriver = "csi"

// snapshotCRDs is the module that has the kinds of the snapshot API.
const snapshotCRDs = "github.com/kubernetes-csi/external-snapshotter/client/v8"

func (c *cluster) csiSocket() string { return filepath.Join(c.part("csi-driver"), "csi.sock") }

// csi are a driver whose volumes can be snapshotted and those who call it. Where a cluster has Velero too, it is told of the snapshot API,
// which therefore has to be there before it.
func (c *cluster) csi(api *api) []part {
	return []part{
		c.csiDriver(api), c.snapshotController(api),
		c.csiSidecar("csi-snapshotter", "--retry-interval-start=200ms", "--retry-interval-max=1s"),
		// A volume takes the time of an mkfs.
		c.csiSidecar("csi-provisioner", "--retry-interval-start=200ms", "--timeout=60s", "--extra-create-metadata"),
	}
}

func (c *cluster) csiDriver(api *api) part {
	registry := filepath.Join(c.kubeletRoot(), "plugins_registry")
	return part{
		name: "csi-driver", wave: 3, binary: c.binaries["csi-driver"], address: c.csiSocket(),
		args: []string{
			"--name=" + csiDriver, "--node=" + nodeName, "--folder=" + c.part("csi-driver"), "--endpoint=" + c.csiSocket(),
			"--registry=" + registry,
		},
		prepare: func(context.Context) error { return os.MkdirAll(registry, 0o750) },
		ready: func(ctx context.Context) error {
			var node struct {
				Spec struct{ Drivers []struct{ Name string } }
			}
			if err := api.raw(ctx, "/apis/storage.k8s.io/v1/csinodes/"+nodeName, &node); err != nil {
				return err
			}
			if !slices.ContainsFunc(node.Spec.Drivers, func(d struct{ Name string }) bool { return d.Name == csiDriver }) {
				return fmt.Errorf("kubelet does not know driver %s yet", csiDriver)
			}
			return nil
		},
	}
}

// snapshotController is the one for all drivers.
func (c *cluster) snapshotController(api *api) part {
	address := c.address(loopback, "snapshot-controller")
	return part{
		name: "snapshot-controller", wave: 4, binary: c.binaries["snapshot-controller"], address: address,
		args: []string{
			"--kubeconfig=" + c.kubeconfig("admin"), "--http-endpoint=" + address, "--retry-interval-start=200ms", "--retry-interval-max=1s",
			"--kube-api-qps=200", "--kube-api-burst=400",
		},
		prepare: func(ctx context.Context) error { return c.installCSI(ctx, api) },
		ready:   answers("http://" + address + "/metrics"),
	}
}

// csiSidecar calls our driver for what it finds in the API.
func (c *cluster) csiSidecar(name string, args ...string) part {
	address := c.address(loopback, name)
	return part{
		name: name, wave: 5, binary: c.binaries[name], address: address,
		args: append([]string{
			"--kubeconfig=" + c.kubeconfig("admin"), "--csi-address=" + c.csiSocket(), "--http-endpoint=" + address,
			"--kube-api-qps=200", "--kube-api-burst=400",
		}, args...),
		ready: answers("http://" + address + "/metrics"),
	}
}

// installCSI creates the snapshot API, and the classes by which volumes and snapshots of our driver are asked for.
func (c *cluster) installCSI(ctx context.Context, api *api) error {
	module, err := c.moduleSource(ctx, "csi", snapshotCRDs)
	if err != nil {
		return err
	}
	crds, err := joinManifests(filepath.Join(module, "config", "crd", "*.storage.k8s.io_*.yaml"))
	if err != nil {
		return err
	}
	say("installing the CRDs of snapshots")
	if err := api.apply(ctx, crds); err != nil {
		return err
	}
	if _, err := api.kubectl(ctx, crds, "wait", "--for=condition=Established", "--timeout=20s", "--filename=-"); err != nil {
		return err
	}
	return api.apply(ctx, csiObjects)
}

// csiObjects: the label is how Velero finds the class by which it takes snapshots.
const csiObjects = `
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: csi}
spec: {attachRequired: false, podInfoOnMount: false, fsGroupPolicy: File, volumeLifecycleModes: [Persistent]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: csi}
provisioner: csi
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: csi, labels: {velero.io/csi-volumesnapshot-class: "true"}}
driver: csi
deletionPolicy: Delete
`
