package match

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func checkVariables(env []corev1.EnvVar, sources []corev1.EnvFromSource) error {
	for i := range env {
		variable := &env[i]
		switch {
		case len(validation.IsRelaxedEnvVarName(variable.Name)) > 0:
			return fmt.Errorf(".env[%d].name: %q: write the name of a variable, such as MODE", i, variable.Name)
		case hasNUL(variable.Value):
			return fmt.Errorf(".env[%d].value: it has a NUL character, which no variable can have: leave it out", i)
		case variable.ValueFrom == nil:
		case variable.Value != "":
			return fmt.Errorf(".env[%d]: write value or valueFrom, not both", i)
		case count(variable.ValueFrom.FieldRef != nil, variable.ValueFrom.ResourceFieldRef != nil, variable.ValueFrom.ConfigMapKeyRef != nil,
			variable.ValueFrom.SecretKeyRef != nil, variable.ValueFrom.FileKeyRef != nil) != 1:
			return fmt.Errorf(".env[%d].valueFrom: write one source, such as secretKeyRef", i)
		}
	}
	for i := range sources {
		if count(sources[i].ConfigMapRef != nil, sources[i].SecretRef != nil) != 1 {
			return fmt.Errorf(".envFrom[%d]: write configMapRef or secretRef", i)
		}
	}
	return nil
}

// count says how many of some things are so.
func count(all ...bool) (so int) {
	for _, one := range all {
		if one {
			so++
		}
	}
	return so
}
