package restore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func list(pairs ...string) corev1.ResourceList {
	if len(pairs) == 0 {
		return nil
	}
	all := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		all[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return all
}

func texts(all corev1.ResourceList) map[string]string {
	if len(all) == 0 {
		return nil
	}
	texts := map[string]string{}
	for name, quantity := range all {
		texts[string(name)] = quantity.String()
	}
	return texts
}

func TestAPodAsksForNoMoreThanWithoutTheInitContainer(t *testing.T) {
	needs := func(requests, limits corev1.ResourceList) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: requests, Limits: limits}
	}
	tests := map[string]struct {
		own          *corev1.ResourceRequirements
		target, want corev1.ResourceRequirements
	}{
		"none of its own": {nil, needs(list("cpu", "1"), list("cpu", "2")), needs(list("cpu", "1"), list("cpu", "2"))},
		"less": {
			new(needs(list("cpu", "100m"), list("cpu", "1"))), needs(list("cpu", "1"), list("cpu", "2")), needs(list("cpu", "100m"), list("cpu", "1")),
		},
		"more": {
			new(needs(list("cpu", "4", "memory", "4Gi"), list("cpu", "8", "memory", "4Gi"))), needs(list("cpu", "1", "memory", "1Gi"), list("cpu", "2")),
			needs(list("cpu", "1", "memory", "1Gi"), list("cpu", "2", "memory", "4Gi")),
		},
		"requests of what the target asks nothing of":  {new(needs(list("cpu", "1"), nil)), needs(nil, nil), needs(nil, nil)},
		"limits, from which a request would be made":   {new(needs(nil, list("cpu", "1"))), needs(nil, nil), needs(list("cpu", "0"), list("cpu", "1"))},
		"limits alone, where the target asks for less": {new(needs(nil, list("cpu", "2"))), needs(list("cpu", "1"), nil), needs(list("cpu", "1"), list("cpu", "2"))},
		"a target with limits alone":                   {new(needs(list("cpu", "5"), nil)), needs(nil, list("cpu", "2")), needs(list("cpu", "2"), nil)},
		"none at all":                                  {new(needs(nil, nil)), needs(list("cpu", "1"), list("cpu", "2")), needs(nil, nil)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			target := *test.target.DeepCopy()
			got := resources(test.own, target)
			assert.Equal(t, texts(test.want.Requests), texts(got.Requests))
			assert.Equal(t, texts(test.want.Limits), texts(got.Limits))
			assert.Equal(t, test.target, target, "the pod's container stays as it is")
		})
	}
}

func TestASecurityContextIsInheritedFieldByField(t *testing.T) {
	restricted := &corev1.SecurityContext{
		RunAsNonRoot: new(true), AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true), RunAsUser: new(int64(999)),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	assert.Equal(t, restricted, securityContext(nil, restricted))
	assert.Nil(t, securityContext(nil, nil))

	user := *restricted
	user.RunAsUser = new(int64(7))
	assert.Equal(t, &user, securityContext(&corev1.SecurityContext{RunAsUser: new(int64(7))}, restricted))
	assert.Equal(t, &corev1.SecurityContext{RunAsUser: new(int64(7))}, securityContext(&corev1.SecurityContext{RunAsUser: new(int64(7))}, nil))

	// The kubelet starts no container that is told both to be root and not to be.
	root := securityContext(&corev1.SecurityContext{RunAsUser: new(int64(0))}, restricted)
	assert.False(t, *root.RunAsNonRoot)
	assert.False(t, *root.AllowPrivilegeEscalation)
	// And the API server takes none that is privileged and may not be.
	privileged := securityContext(&corev1.SecurityContext{Privileged: new(true)}, restricted)
	assert.Nil(t, privileged.AllowPrivilegeEscalation)
	assert.True(t, *restricted.RunAsNonRoot, "the pod's container stays as it is")
}
