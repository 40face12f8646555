package restore

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// resources of an init container are the target's, in which its own may lower amounts. So the pod asks for no more than without
// it (a pod asks for the most that any init container asks for, or for the sum of its containers, whichever is more:
// https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers), fits into the same
// quotas and limits, and keeps its quality of service, which init containers have a part in.
func resources(own *corev1.ResourceRequirements, target corev1.ResourceRequirements) corev1.ResourceRequirements {
	lowered := *target.DeepCopy()
	if own == nil {
		return lowered
	}
	for name, most := range target.Limits {
		limit, request := least(own.Limits, name, most), least(own.Requests, name, requested(target, name))
		switch {
		case exact(name) || requested(target, name).Equal(most): // a request that is the limit stays it
			limit = lesser(limit, least(own.Requests, name, limit))
			request = limit
		default:
			request = lesser(request, limit)
		}
		set(&lowered.Limits, name, limit)
		set(&lowered.Requests, name, request)
	}
	for name, most := range target.Requests {
		if _, limited := target.Limits[name]; !limited {
			set(&lowered.Requests, name, least(own.Requests, name, most))
		}
	}
	return lowered
}

// requested is what a container asks for, by its limit where it does not say it.
func requested(container corev1.ResourceRequirements, name corev1.ResourceName) resource.Quantity {
	if request, asked := container.Requests[name]; asked {
		return request
	}
	return container.Limits[name]
}

// exact tells of resources whose request must be their limit: huge pages, and those of a domain, such as devices
// (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources).
func exact(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix) || strings.Contains(string(name), "/")
}

// least is an amount of a list if it is there and less than another.
func least(list corev1.ResourceList, name corev1.ResourceName, most resource.Quantity) resource.Quantity {
	if amount, found := list[name]; found {
		return lesser(amount, most)
	}
	return most
}

func lesser(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

func set(list *corev1.ResourceList, name corev1.ResourceName, amount resource.Quantity) {
	if *list == nil {
		*list = corev1.ResourceList{}
	}
	(*list)[name] = amount.DeepCopy()
}

// lowered tells whether a container gets less than it has asked for.
func lowered(own *corev1.ResourceRequirements, got corev1.ResourceRequirements) bool {
	less := func(wanted, given corev1.ResourceList) bool {
		for name, amount := range wanted {
			if amount.Cmp(given[name]) > 0 {
				return true
			}
		}
		return false
	}
	return own != nil && (less(own.Requests, got.Requests) || less(own.Limits, got.Limits))
}
