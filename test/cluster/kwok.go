package main

import (
	"context"
	"path/filepath"
)

// fakeNode is the annotation by which kwok knows its nodes; no other node, and no pod on one, is touched.
const fakeNode = "kwok.x-k8s.io/node=fake"

// fakePodCIDR is apart from the network of real pods: nothing answers at a fake pod's address.
const fakePodCIDR = "10.245.0.0/16"

// kwok plays kubelet for nodes that do not exist, so that thousands of pods cost objects only. It calls the API as the
// administrator: requests of that group wait in no queue, whatever is under test beside it. Commands in fake pods it runs on
// this machine: see kwokExec. The API server finds it as the kubelet of its nodes, by the name that this machine has for itself.
func (c *cluster) kwok() part {
	stages := filepath.Join(c.part("kwok"), "stages.yaml")
	address := c.address(loopback, "kwok")
	return part{
		name: "kwok", wave: 3, binary: c.binaries["kwok"], address: address,
		args: []string{
			"--config=" + stages, "--kubeconfig=" + c.kubeconfig("admin"), "--server-address=" + address,
			"--manage-nodes-with-annotation-selector=" + fakeNode, "--cidr=" + fakePodCIDR,
			"--node-ip=" + loopback, "--node-name=" + nodeName, "--node-port=" + c.port("kwok"),
			"--tls-cert-file=" + filepath.Join(c.pki(), "apiserver.crt"), "--tls-private-key-file=" + filepath.Join(c.pki(), "apiserver.key"),
		},
		prepare: func(ctx context.Context) error {
			folder, err := c.moduleSource(ctx, "kwok", kwokModule)
			if err != nil {
				return err
			}
			text, err := kwokStages(folder)
			if err != nil {
				return err
			}
			return writeWhole(stages, []byte(text+kwokExec), 0o644)
		},
		ready: answers("http://" + address + "/healthz"),
	}
}

// kwokExec has kwok run commands that are for fake pods, whichever, as processes of this machine.
const kwokExec = `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterExec
metadata: {name: everywhere}
spec:
  execs: [{local: {workDir: /}}]
`

// kwokStages joins the rules that kwok's own module has for the quickest life of nodes and pods: Ready and Running at
// once, gone when deleted.
func kwokStages(module string) (string, error) {
	nodes, err := joinManifests(filepath.Join(module, "kustomize", "stage", "node", "fast", "node-*.yaml"))
	if err != nil {
		return "", err
	}
	pods, err := joinManifests(filepath.Join(module, "kustomize", "stage", "pod", "fast", "pod-*.yaml"))
	return nodes + pods, err
}
