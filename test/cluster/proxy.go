package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// proxySettings: nftables keeps all rules in two tables of kube-proxy's own, which `down` deletes whole. masqueradeAll,
// since pods share one bridge: an answer from one pod to another must come back through the machine to be translated.
const proxySettings = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: %q}
clusterCIDR: %s
hostnameOverride: %s
healthzBindAddress: %s
metricsBindAddress: %s
oomScoreAdj: 0
conntrack: {maxPerCore: 0, min: 0}
nftables: {masqueradeAll: true, minSyncPeriod: 100ms}
`

func (c *cluster) proxyConfig() string {
	return fmt.Sprintf(proxySettings, c.kubeconfig("kube-proxy"), podCIDR, nodeName,
		c.address(loopback, "proxy-health"), c.address(loopback, "proxy-metrics"))
}

// proxy is ready when the kubernetes Service answers at its address and pods can be created: pods need the default
// ServiceAccount, which the controller-manager makes.
func (c *cluster) proxy(api *api) part {
	config := filepath.Join(c.part("kube-proxy"), "config.yaml")
	return part{
		name: "kube-proxy", wave: 4, binary: c.binaries["kube-proxy"], address: c.address(loopback, "proxy-health"),
		args:    []string{"--config=" + config},
		prepare: func(context.Context) error { return writeWhole(config, []byte(c.proxyConfig()), 0o644) },
		ready: func(ctx context.Context) error {
			if err := answers("http://" + c.address(loopback, "proxy-health") + "/healthz")(ctx); err != nil {
				return err
			}
			if err := answers("https://" + serviceAPI + "/readyz")(ctx); err != nil {
				return fmt.Errorf("the kubernetes Service does not answer: %w", err)
			}
			if api.raw(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil) != nil {
				return errors.New("the namespace default has no ServiceAccount yet")
			}
			return nil
		},
	}
}
