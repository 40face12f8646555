package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The cluster's network: pods hang on a bridge of our own in the machine's network namespace. The apiserver binds the
// bridge's address, so that pods reach it through the kubernetes Service; all else stays on loopback. Nothing leaves
// the machine.
const (
	loopback      = "127.0.0.1"
	bridge        = "qsc0"
	bridgeAddress = "10.244.0.1"
	podCIDR       = "10.244.0.0/24"
	serviceCIDR   = "10.96.0.0/16"
	serviceAPI    = "10.96.0.1"
	networkName   = "quiesce-cluster" // of the CNI network
)

// cniPlugins is where Debian keeps the CNI plugins.
const cniPlugins = "/usr/lib/cni"

const aliasFile = "/sys/class/net/" + bridge + "/ifalias"

// bridgeOwner is the folder of the cluster that made the bridge; the bridge's alias says it. One machine has room for
// one cluster, since addresses, cgroup and kube-proxy's tables are fixed.
func bridgeOwner() (owner string, exists bool) {
	text, err := os.ReadFile(aliasFile)
	return strings.TrimSpace(string(text)), err == nil
}

func (l layout) makeNetwork(ctx context.Context) error {
	owner, exists := bridgeOwner()
	if exists && owner != l.cluster {
		return fmt.Errorf("the bridge %s is there already and belongs to %q: take that cluster down first (QUIESCE_CLUSTER=%s … down), "+
			"or remove the bridge with `ip link del %s` if nothing uses it", bridge, owner, owner, bridge)
	}
	if !exists {
		if err := tool(ctx, "ip", "link", "add", bridge, "type", "bridge"); err != nil {
			return err
		}
		// The alias is bound to the kernel's limit for one (256 bytes); a cluster's path is far shorter.
		if err := tool(ctx, "ip", "link", "set", bridge, "alias", l.cluster); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"addr", "replace", bridgeAddress + "/24", "dev", bridge},
		{"link", "set", bridge, "up"},
		// Without a default route the machine itself would have no way to a Service's address.
		{"route", "replace", serviceCIDR, "dev", bridge},
	} {
		if err := tool(ctx, "ip", args...); err != nil {
			return err
		}
	}
	return nil
}

// removeNetwork takes away the bridge, with its address and routes, the interfaces on it and kube-proxy's tables.
func removeNetwork(ctx context.Context) error {
	var problems []error
	members, _ := os.ReadDir("/sys/class/net/" + bridge + "/brif")
	for _, member := range members {
		problems = append(problems, removeLink(ctx, member.Name()))
	}
	problems = append(problems, removeLink(ctx, bridge))
	for _, family := range []string{"ip", "ip6"} {
		if tool(ctx, "nft", "list", "table", family, "kube-proxy") == nil {
			problems = append(problems, tool(ctx, "nft", "delete", "table", family, "kube-proxy"))
		}
	}
	// Connections through Services that no longer exist would be remembered for hours.
	// conntrack fails when there are none.
	_ = tool(ctx, "conntrack", "-D", "-s", podCIDR)
	_ = tool(ctx, "conntrack", "-D", "-d", serviceCIDR)
	return errors.Join(problems...)
}

// removeLink removes an interface, unless it goes by itself: a pod's end of a veth takes ours with it.
func removeLink(ctx context.Context, name string) error {
	problem := tool(ctx, "ip", "link", "del", name)
	if _, err := os.Stat("/sys/class/net/" + name); err == nil {
		return problem
	}
	return nil
}

// cniConfig renders the CNI network list: bridge with a gateway, addresses from a folder of ours, hairpin for a pod
// that calls itself through its Service.
func (l layout) cniConfig() string {
	return fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": %q,
  "plugins": [
    {
      "type": "bridge",
      "bridge": %q,
      "isGateway": true,
      "hairpinMode": true,
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": %q,
        "ranges": [[{"subnet": %q, "rangeStart": "10.244.0.10", "gateway": %q}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
`, networkName, bridge, filepath.Join(l.part("containerd"), "addresses"), podCIDR, bridgeAddress)
}
