package main

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
)

// nodeName resolves on every machine, so that the apiserver finds the kubelet on loopback by the node's name: exec, logs
// and port-forward go that way.
const nodeName = "localhost"

// cluster is one cluster on this machine with all that was chosen for it.
type cluster struct {
	layout
	choices
	binaries map[string]string
}

func (c *cluster) address(host, port string) string {
	return net.JoinHostPort(host, strconv.Itoa(c.Ports[port]))
}

func (c *cluster) port(name string) string { return strconv.Itoa(c.Ports[name]) }
func (c *cluster) apiserver() string       { return "https://" + c.address(bridgeAddress, "apiserver") }

// part is one process of the cluster.
type part struct {
	name    string
	wave    int // parts of one wave start together, once those of the wave before are ready
	binary  string
	args    []string
	env     []string
	address string
	prepare func(context.Context) error // writes configuration; nil when there is none
	ready   func(context.Context) error // answers nil once others may rely on the part
}

// partNames lists all parts in the order in which they start.
var partNames = []string{"etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet",
	"s3", "kwok", "csi-driver", "kube-proxy", "snapshot-controller", "csi-snapshotter", "csi-provisioner", "velero"}

// parts is the table of everything that runs. It only describes: nothing is written or started here.
func (c *cluster) parts() []part {
	api := &api{cluster: c}
	parts := []part{
		{
			name: "etcd", wave: 1, binary: c.binaries["etcd"], address: c.address(loopback, "etcd"),
			args: []string{
				"--name=quiesce", "--data-dir=" + filepath.Join(c.part("etcd"), "data"),
				"--listen-client-urls=http://" + c.address(loopback, "etcd"),
				"--advertise-client-urls=http://" + c.address(loopback, "etcd"),
				"--listen-peer-urls=http://" + c.address(loopback, "etcd-peer"),
				"--initial-advertise-peer-urls=http://" + c.address(loopback, "etcd-peer"),
				"--initial-cluster=quiesce=http://" + c.address(loopback, "etcd-peer"),
				"--unsafe-no-fsync", "--log-level=warn",
			},
			ready: answers("http://" + c.address(loopback, "etcd") + "/readyz"),
		},
		c.containerd(),
		{
			name: "kube-apiserver", wave: 2, binary: c.binaries["kube-apiserver"], address: c.apiserver(),
			args:  c.apiserverArgs(),
			ready: api.apiserverReady,
		},
		{
			name: "kube-controller-manager", wave: 3, binary: c.binaries["kube-controller-manager"],
			address: c.address(loopback, "controller-manager"),
			args: []string{
				"--kubeconfig=" + c.kubeconfig("kube-controller-manager"), "--bind-address=" + loopback,
				"--secure-port=" + c.port("controller-manager"), "--cert-dir=" + filepath.Join(c.part("kube-controller-manager"), "pki"),
				"--flex-volume-plugin-dir=" + filepath.Join(c.part("kubelet"), "plugins"),
				"--use-service-account-credentials", "--root-ca-file=" + filepath.Join(c.pki(), "ca.crt"),
				"--service-account-private-key-file=" + filepath.Join(c.pki(), "serviceaccounts.key"),
				"--cluster-signing-cert-file=" + filepath.Join(c.pki(), "ca.crt"),
				"--cluster-signing-key-file=" + filepath.Join(c.pki(), "ca.key"),
				// Its many controllers start within a second when they need not wait for each other at the client.
				"--kube-api-qps=200", "--kube-api-burst=400",
				// With an election, one that was killed would be missed until its lease ends.
				"--leader-elect=false",
			},
			ready: answers("https://" + c.address(loopback, "controller-manager") + "/healthz"),
		},
		{
			name: "kube-scheduler", wave: 3, binary: c.binaries["kube-scheduler"], address: c.address(loopback, "scheduler"),
			args: []string{
				"--kubeconfig=" + c.kubeconfig("kube-scheduler"), "--bind-address=" + loopback, "--secure-port=" + c.port("scheduler"),
				"--cert-dir=" + filepath.Join(c.part("kube-scheduler"), "pki"), "--leader-elect=false",
			},
			ready: answers("https://" + c.address(loopback, "scheduler") + "/readyz"),
		},
		c.kubelet(api),
		c.proxy(api),
	}
	if c.CSI {
		parts = append(parts, c.csi(api)...)
	}
	if c.Velero {
		parts = append(parts, c.s3(), c.velero(api))
	}
	if c.Kwok {
		parts = append(parts, c.kwok())
	}
	return parts
}

func (c *cluster) apiserverArgs() []string {
	pki := func(name string) string { return filepath.Join(c.pki(), name) }
	return []string{
		"--etcd-servers=http://" + c.address(loopback, "etcd"),
		"--advertise-address=" + bridgeAddress, "--bind-address=" + bridgeAddress, "--secure-port=" + c.port("apiserver"),
		"--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
		"--client-ca-file=" + pki("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + pki("serviceaccounts.key"), "--service-account-signing-key-file=" + pki("serviceaccounts.key"),
		"--authorization-mode=Node,RBAC", "--service-cluster-ip-range=" + serviceCIDR, "--allow-privileged",
		"--kubelet-preferred-address-types=Hostname",
		// A webhook's Service is resolved to its endpoints by the apiserver itself: it does not wait for kube-proxy.
		"--enable-aggregator-routing",
	}
}
