package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// kubeletSettings: anonymous and AlwaysAllow, since it listens on loopback only. The limits on disk are lowered and
// image garbage collection is off: images that came from an archive could not be pulled again.
const kubeletSettings = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: %d
healthzBindAddress: 127.0.0.1
healthzPort: %d
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://%s
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
podLogsDir: %q
volumePluginDir: %q
staticPodPath: ""
clusterDomain: cluster.local
# There is no DNS server behind it; without an address every pod would get a warning event.
clusterDNS: [10.96.0.10]
maxPods: 200
serializeImagePulls: false
nodeStatusUpdateFrequency: 5s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 50Mi, nodefs.available: 1%%, nodefs.inodesFree: 1%%, imagefs.available: 1%%}
`

func (c *cluster) podLogs() string { return filepath.Join(c.part("kubelet"), "pods") }

func (c *cluster) kubeletConfig() string {
	return fmt.Sprintf(kubeletSettings, c.Ports["kubelet"], c.Ports["kubelet-health"], c.containerdSocket(), cgroupRoot,
		c.podLogs(), filepath.Join(c.part("kubelet"), "plugins"))
}

func (c *cluster) kubelet(api *api) part {
	config := filepath.Join(c.part("kubelet"), "config.yaml")
	return part{
		name: "kubelet", wave: 3, binary: c.binaries["kubelet"], address: c.address(loopback, "kubelet"),
		args: []string{
			"--config=" + config, "--kubeconfig=" + c.kubeconfig("kubelet"), "--root-dir=" + c.kubeletRoot(),
			"--cert-dir=" + filepath.Join(c.part("kubelet"), "pki"), "--hostname-override=" + nodeName,
			// Without an InternalIP kubectl logs and kube-proxy fail.
			"--node-ip=" + bridgeAddress,
		},
		prepare: func(context.Context) error { return writeWhole(config, []byte(c.kubeletConfig()), 0o644) },
		ready: func(ctx context.Context) error {
			if err := answers("http://" + c.address(loopback, "kubelet-health") + "/healthz")(ctx); err != nil {
				return err
			}
			var node object
			if err := api.raw(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
				return err
			}
			return node.is("Ready")
		},
	}
}
