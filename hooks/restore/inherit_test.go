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
		"none at all":     {new(needs(nil, nil)), needs(list("cpu", "1"), list("cpu", "2")), needs(list("cpu", "1"), list("cpu", "2"))},
		"less": {
			new(needs(list("cpu", "100m"), list("cpu", "500m"))), needs(list("cpu", "1"), list("cpu", "2")), needs(list("cpu", "100m"), list("cpu", "500m")),
		},
		"more": {
			new(needs(list("cpu", "4", "memory", "4Gi"), list("cpu", "8"))), needs(list("cpu", "1", "memory", "1Gi"), list("cpu", "2")),
			needs(list("cpu", "1", "memory", "1Gi"), list("cpu", "2")),
		},
		"some of it, and the rest as the target has it": {
			new(needs(list("memory", "1Gi"), nil)), needs(list("cpu", "100m", "memory", "2Gi"), list("cpu", "1", "memory", "2Gi")),
			needs(list("cpu", "100m", "memory", "1Gi"), list("cpu", "1", "memory", "1Gi")),
		},
		"a limit below the target's request":           {new(needs(nil, list("cpu", "500m"))), needs(list("cpu", "1"), list("cpu", "2")), needs(list("cpu", "500m"), list("cpu", "500m"))},
		"guaranteed stays guaranteed":                  {new(needs(list("cpu", "1"), list("cpu", "2"))), needs(list("cpu", "4"), list("cpu", "4")), needs(list("cpu", "1"), list("cpu", "1"))},
		"best effort stays best effort":                {new(needs(list("cpu", "1"), list("cpu", "1"))), needs(nil, nil), needs(nil, nil)},
		"a target with limits alone":                   {new(needs(list("cpu", "5"), nil)), needs(nil, list("cpu", "2")), needs(list("cpu", "2"), list("cpu", "2"))},
		"a device that the target lacks":               {new(needs(nil, list("nvidia.com/gpu", "1"))), needs(nil, nil), needs(nil, nil)},
		"a device, whose request is its limit":         {new(needs(list("nvidia.com/gpu", "1"), nil)), needs(list("nvidia.com/gpu", "2"), list("nvidia.com/gpu", "2")), needs(list("nvidia.com/gpu", "1"), list("nvidia.com/gpu", "1"))},
		"huge pages that the target has, and are less": {new(needs(nil, list("hugepages-2Mi", "2Mi"))), needs(nil, list("hugepages-2Mi", "8Mi")), needs(list("hugepages-2Mi", "2Mi"), list("hugepages-2Mi", "2Mi"))},
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

	merged := func(own corev1.SecurityContext) *corev1.SecurityContext { return securityContext(&own, restricted) }
	binding := merged(corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_BIND_SERVICE"}}})
	assert.Equal(t, &corev1.Capabilities{Add: []corev1.Capability{"NET_BIND_SERVICE"}, Drop: []corev1.Capability{"ALL"}}, binding.Capabilities)
	adding := &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}}
	dropping := securityContext(&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}, adding)
	assert.Empty(t, dropping.Capabilities.Add, "what is added is its own alone")

	// The kubelet starts no container that is told both to be root and not to be.
	root := merged(corev1.SecurityContext{RunAsUser: new(int64(0))})
	assert.False(t, *root.RunAsNonRoot)
	assert.False(t, *root.AllowPrivilegeEscalation)
	nonRoot := securityContext(&corev1.SecurityContext{RunAsNonRoot: new(true)}, &corev1.SecurityContext{RunAsUser: new(int64(0))})
	assert.Nil(t, nonRoot.RunAsUser)
	// And the API server takes none that is privileged and may not be.
	assert.Nil(t, merged(corev1.SecurityContext{Privileged: new(true)}).AllowPrivilegeEscalation)
	assert.Nil(t, merged(corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_SYS_ADMIN"}}}).AllowPrivilegeEscalation)
	tame := securityContext(&corev1.SecurityContext{AllowPrivilegeEscalation: new(false)},
		&corev1.SecurityContext{Privileged: new(true), Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CAP_SYS_ADMIN"}}})
	assert.Nil(t, tame.Privileged)
	assert.Empty(t, tame.Capabilities.Add)
	assert.True(t, *restricted.RunAsNonRoot, "the pod's container stays as it is")
}

func TestAMountThatOnlyPrivilegedContainersMayHaveIsInheritedTamely(t *testing.T) {
	target := &corev1.Container{VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data", MountPropagation: new(corev1.MountPropagationBidirectional)}}}
	var plain corev1.Container
	inheritVolumes(&plain, target, true)
	assert.Equal(t, corev1.MountPropagationHostToContainer, *plain.VolumeMounts[0].MountPropagation)
	strong := corev1.Container{SecurityContext: &corev1.SecurityContext{Privileged: new(true)}}
	inheritVolumes(&strong, target, true)
	assert.Equal(t, corev1.MountPropagationBidirectional, *strong.VolumeMounts[0].MountPropagation)
	assert.Equal(t, corev1.MountPropagationBidirectional, *target.VolumeMounts[0].MountPropagation)
}

func TestAVolumeIsMountedOrADeviceAsTheContainerHasIt(t *testing.T) {
	target := &corev1.Container{
		VolumeMounts:  []corev1.VolumeMount{{Name: "raw", MountPath: "/raw"}, {Name: "data", MountPath: "/data"}},
		VolumeDevices: []corev1.VolumeDevice{{Name: "disk", DevicePath: "/dev/disk"}, {Name: "more", DevicePath: "/dev/more"}},
	}
	container := corev1.Container{
		VolumeMounts:  []corev1.VolumeMount{{Name: "disk", MountPath: "/disk"}},
		VolumeDevices: []corev1.VolumeDevice{{Name: "raw", DevicePath: "/dev/raw"}},
	}
	inheritVolumes(&container, target, true)
	assert.Equal(t, []corev1.VolumeMount{{Name: "disk", MountPath: "/disk"}, {Name: "data", MountPath: "/data"}}, container.VolumeMounts)
	assert.Equal(t, []corev1.VolumeDevice{{Name: "raw", DevicePath: "/dev/raw"}, {Name: "more", DevicePath: "/dev/more"}}, container.VolumeDevices)
}
