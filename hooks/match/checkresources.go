package match

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// checkResources leaves to the pod's container, whose amounts these lower, which of them go together.
func checkResources(own *corev1.ResourceRequirements) error {
	if own == nil {
		return nil
	}
	if len(own.Claims) > 0 {
		return errors.New(".resources.claims: a restored pod may have no such claims: leave them out, they come from the pod's container")
	}
	if err := checkAmounts(".resources.limits", own.Limits); err != nil {
		return err
	}
	if err := checkAmounts(".resources.requests", own.Requests); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(own.Requests)) {
		request := own.Requests[name]
		if limit, limited := own.Limits[name]; limited && request.Cmp(limit) > 0 {
			return fmt.Errorf(".resources.requests[%s]: %s is above the limit of %s: write that at most", name, request.String(), limit.String())
		}
	}
	return nil
}

func checkAmounts(field string, amounts corev1.ResourceList) error {
	for _, name := range slices.Sorted(maps.Keys(amounts)) {
		amount := amounts[name]
		switch {
		case !isContainerResource(name):
			return fmt.Errorf("%s: %q: write cpu, memory, ephemeral-storage, hugepages-SIZE such as hugepages-2Mi, or an extended resource such as example.com/gpu", field, name)
		case amount.Sign() < 0:
			return fmt.Errorf("%s[%s]: %s: write an amount that is not negative", field, name, amount.String())
		case !native(name) && amount.MilliValue()%1000 != 0:
			return fmt.Errorf("%s[%s]: %s: write a whole number", field, name, amount.String())
		case hugePages(name) && amount.Value()%pageSize(name) != 0:
			return fmt.Errorf("%s[%s]: %s: write a multiple of the page's size", field, name, amount.String())
		}
	}
	return nil
}

func isContainerResource(name corev1.ResourceName) bool {
	switch {
	case len(validation.IsQualifiedName(string(name))) > 0:
		return false
	case hugePages(name):
		return pageSize(name) > 0
	case !strings.Contains(string(name), "/"):
		return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
	}
	// In quotas, the names of extended resources have a prefix.
	inQuota := corev1.DefaultResourceRequestsPrefix + string(name)
	return native(name) || !strings.HasPrefix(string(name), corev1.DefaultResourceRequestsPrefix) && len(validation.IsQualifiedName(inQuota)) == 0
}

// native resources are Kubernetes' own, and all others extended.
func native(name corev1.ResourceName) bool {
	return !strings.Contains(string(name), "/") || strings.Contains(string(name), corev1.ResourceDefaultNamespacePrefix)
}

func hugePages(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// pageSize of huge pages in bytes, or 0 if their name has none.
func pageSize(name corev1.ResourceName) int64 {
	size, err := resource.ParseQuantity(strings.TrimPrefix(string(name), corev1.ResourceHugePagesPrefix))
	if err != nil || size.Sign() <= 0 || size.MilliValue()%1000 != 0 {
		return 0
	}
	return size.Value()
}
