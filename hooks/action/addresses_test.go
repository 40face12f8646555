package action

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestTheAddressesOfNodesAndOfTheAPIServerAreKnown(t *testing.T) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "a"},
		Spec:       corev1.NodeSpec{PodCIDRs: []string{"10.244.3.0/24", "fd00:3::/64"}},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "192.0.2.7"}, {Type: corev1.NodeExternalIP, Address: "2001:db8::7"}, {Type: corev1.NodeHostName, Address: "a"},
		}},
	}
	kubernetes := metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"}
	service := &corev1.Service{ObjectMeta: kubernetes, Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.1"}}}
	endpoints := &discoveryv1.EndpointSlice{ObjectMeta: kubernetes, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"198.51.100.4"}}}}
	for name, host := range map[string]string{"an URL": "https://203.0.113.9:6443", "a host and port": "203.0.113.9:6443"} {
		t.Run(name, func(t *testing.T) {
			live := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(node, service, endpoints).WithStatusSubresource(node).Build()
			addresses := &ClusterAddresses{Live: live, Config: &rest.Config{Host: host}}
			known, err := addresses.Prefixes(t.Context())
			require.NoError(t, err)
			var texts []string
			for _, prefix := range known {
				assert.Equal(t, prefix.Addr().BitLen(), prefix.Bits())
				texts = append(texts, prefix.Addr().String())
			}
			assert.ElementsMatch(t, []string{"203.0.113.9", "10.96.0.1", "198.51.100.4", "192.0.2.7", "2001:db8::7", "10.244.3.1", "fd00:3::1"}, texts)
			require.NoError(t, live.Delete(t.Context(), node))
			again, err := addresses.Prefixes(t.Context())
			require.NoError(t, err)
			assert.Equal(t, known, again, "what was read a moment ago is not read again")
		})
	}
}
