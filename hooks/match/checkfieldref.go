package match

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

var (
	// fieldsForEnv are the fields of its pod that a variable can be, beside single labels and annotations.
	fieldsForEnv = []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
		"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
	}
	divisors = []string{"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}
)

func checkFieldRef(ref *corev1.ObjectFieldSelector) error {
	if ref.APIVersion != "" && ref.APIVersion != "v1" {
		return fmt.Errorf(".fieldRef.apiVersion: %q: write v1, or leave it out", ref.APIVersion)
	}
	if key, isLabel := subscript(ref.FieldPath, "metadata.labels"); isLabel {
		return checkSubscript(ref.FieldPath, "a label", key)
	}
	if key, isAnnotation := subscript(ref.FieldPath, "metadata.annotations"); isAnnotation {
		return checkSubscript(ref.FieldPath, "an annotation", strings.ToLower(key))
	}
	// The API server reads spec.host, from before v1, as spec.nodeName.
	if ref.FieldPath != "spec.host" && !slices.Contains(fieldsForEnv, ref.FieldPath) {
		return fmt.Errorf(".fieldRef.fieldPath: %q is no field that a variable can be: write %s, metadata.labels['KEY'] or metadata.annotations['KEY']",
			ref.FieldPath, strings.Join(fieldsForEnv, ", "))
	}
	return nil
}

// subscript is KEY of PATH['KEY'].
func subscript(fieldPath, path string) (string, bool) {
	behind, isPath := strings.CutPrefix(fieldPath, path+"['")
	key, closed := strings.CutSuffix(behind, "']")
	return key, isPath && closed
}

func checkSubscript(fieldPath, kind, key string) error {
	if len(validation.IsQualifiedName(key)) > 0 {
		return fmt.Errorf(".fieldRef.fieldPath: %q: write the key of %s between the quotes, such as app.kubernetes.io/name", fieldPath, kind)
	}
	return nil
}

func checkResourceFieldRef(ref *corev1.ResourceFieldSelector) error {
	kind, of := strings.CutPrefix(ref.Resource, "limits.")
	if !of {
		kind, of = strings.CutPrefix(ref.Resource, "requests.")
	}
	if !of || !slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, kind) && !strings.HasPrefix(kind, corev1.ResourceHugePagesPrefix) {
		return fmt.Errorf(".resourceFieldRef.resource: %q: write limits or requests, a dot, and cpu, memory, ephemeral-storage or hugepages-SIZE, such as limits.memory", ref.Resource)
	}
	divisor := ref.Divisor.String()
	switch {
	case ref.Divisor.IsZero(): // left out
	case kind == "cpu" && divisor != "1" && divisor != "1m":
		return fmt.Errorf(".resourceFieldRef.divisor: %s: write 1 or 1m, or leave it out", divisor)
	case kind != "cpu" && !slices.Contains(divisors, divisor):
		return fmt.Errorf(".resourceFieldRef.divisor: %s: write one unit, such as 1, 1M or 1Mi, or leave it out", divisor)
	}
	return nil
}
