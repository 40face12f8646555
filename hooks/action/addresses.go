package action

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// +kubebuilder:rbac:groups="",resources=nodes,verbs=list
// +kubebuilder:rbac:groups="",resources=services,resourceNames=kubernetes,verbs=get
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,resourceNames=kubernetes,verbs=get

// ClusterAddresses knows the addresses of nodes and of the API server, to which no hook may send anything. It is safe for use from
// many goroutines.
type ClusterAddresses struct {
	Live   client.Reader
	Config *rest.Config

	lock  sync.Mutex
	known []netip.Prefix
	at    time.Time
}

// fresh is for how long what was read is not read again.
const fresh = 15 * time.Second

// Prefixes are the addresses as they are now, or were some seconds ago.
func (c *ClusterAddresses) Prefixes(ctx context.Context) ([]netip.Prefix, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if time.Since(c.at) < fresh {
		return c.known, nil
	}
	texts, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	var known []netip.Prefix
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil { // a name is resolved by whoever dials, and is then an address
			address = address.Unmap().WithZone("")
			known = append(known, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	c.known, c.at = known, time.Now()
	return known, nil
}

func (c *ClusterAddresses) read(ctx context.Context) ([]string, error) {
	var texts []string
	if at, err := url.Parse(c.Config.Host); err == nil {
		texts = append(texts, at.Hostname())
	}
	if host, _, err := net.SplitHostPort(c.Config.Host); err == nil {
		texts = append(texts, host)
	}
	// Both are kept by the API server itself (k8s.io/kubernetes, pkg/controlplane/reconcilers).
	kubernetes := client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: "kubernetes"}
	var service corev1.Service
	if err := client.IgnoreNotFound(c.Live.Get(ctx, kubernetes, &service)); err != nil {
		return nil, fmt.Errorf("looking up the API server's addresses: %w", err)
	}
	texts = append(texts, service.Spec.ClusterIPs...)
	var endpoints discoveryv1.EndpointSlice
	if err := client.IgnoreNotFound(c.Live.Get(ctx, kubernetes, &endpoints)); err != nil {
		return nil, fmt.Errorf("looking up the API server's addresses: %w", err)
	}
	for i := range endpoints.Endpoints {
		texts = append(texts, endpoints.Endpoints[i].Addresses...)
	}
	nodes := corev1.NodeList{}
	for {
		if err := c.Live.List(ctx, &nodes, client.Limit(500), client.Continue(nodes.Continue)); err != nil {
			return nil, fmt.Errorf("looking up the nodes' addresses: %w", err)
		}
		for i := range nodes.Items {
			for _, address := range nodes.Items[i].Status.Addresses {
				texts = append(texts, address.Address)
			}
			texts = append(texts, bridges(&nodes.Items[i])...)
		}
		if nodes.Continue == "" {
			return texts, nil
		}
	}
}

// bridges are the addresses that a node usually has in its pods' own network: the first of each range.
func bridges(node *corev1.Node) (addresses []string) {
	for _, text := range node.Spec.PodCIDRs {
		if pods, err := netip.ParsePrefix(text); err == nil {
			addresses = append(addresses, pods.Masked().Addr().Next().String())
		}
	}
	return addresses
}
