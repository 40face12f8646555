package restore

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// resources of an init container: the target's, unless it has its own; those are lowered to the target's. A pod asks for the
// most that any init container asks for, or for the sum of its containers, whichever is more
// (https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers), so that it asks
// for no more than without the init container, and fits where it did.
func resources(own *corev1.ResourceRequirements, target corev1.ResourceRequirements) corev1.ResourceRequirements {
	if own == nil {
		return *target.DeepCopy()
	}
	lowered := *own.DeepCopy()
	for name, limit := range lowered.Limits {
		if most, limited := target.Limits[name]; limited && limit.Cmp(most) > 0 {
			lowered.Limits[name] = most.DeepCopy()
		}
		// Without a request of its own, the container would ask for its limit.
		if _, asked := lowered.Requests[name]; !asked {
			if lowered.Requests == nil {
				lowered.Requests = corev1.ResourceList{}
			}
			lowered.Requests[name] = lowered.Limits[name].DeepCopy()
		}
	}
	for name, request := range lowered.Requests {
		most, asked := target.Requests[name]
		if !asked {
			most, asked = target.Limits[name]
		}
		switch _, limited := lowered.Limits[name]; {
		case asked && request.Cmp(most) > 0:
			lowered.Requests[name] = most.DeepCopy()
		case !asked && limited:
			lowered.Requests[name] = *resource.NewQuantity(0, request.Format)
		case !asked:
			delete(lowered.Requests, name)
		}
	}
	return lowered
}
