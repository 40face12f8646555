package match

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func checkEnv(env []corev1.EnvVar) error {
	for i := range env {
		variable := &env[i]
		switch {
		case len(validation.IsRelaxedEnvVarName(variable.Name)) > 0:
			return fmt.Errorf(".env[%d].name: %q: write the name of a variable, such as MODE", i, variable.Name)
		case variable.Name == v1alpha1.InitEnv:
			return fmt.Errorf(".env[%d].name: %s is Quiesce's own, by which it knows its containers: leave it out", i, v1alpha1.InitEnv)
		case hasNUL(variable.Value):
			return fmt.Errorf(".env[%d].value: it has a NUL character, which no variable can have: leave it out", i)
		case variable.ValueFrom == nil:
			continue
		case variable.Value != "":
			return fmt.Errorf(".env[%d]: write value or valueFrom, not both", i)
		}
		if err := checkSource(variable.ValueFrom); err != nil {
			return fmt.Errorf(".env[%d].valueFrom%w", i, err)
		}
	}
	return nil
}

func checkSource(source *corev1.EnvVarSource) error {
	field, resource, configMap, secret, file := source.FieldRef, source.ResourceFieldRef, source.ConfigMapKeyRef, source.SecretKeyRef, source.FileKeyRef
	switch {
	case count(field != nil, resource != nil, configMap != nil, secret != nil, file != nil) != 1:
		return errors.New(": write one source, such as secretKeyRef")
	case field != nil:
		return checkFieldRef(field)
	case resource != nil:
		return checkResourceFieldRef(resource)
	case configMap != nil:
		return checkKeyRef(".configMapKeyRef", "ConfigMap", configMap.Name, configMap.Key)
	case secret != nil:
		return checkKeyRef(".secretKeyRef", "Secret", secret.Name, secret.Key)
	}
	return checkFileKeyRef(file)
}

func checkKeyRef(field, kind, name, key string) error {
	if err := checkObjectName(field, kind, name); err != nil {
		return err
	}
	if len(validation.IsConfigMapKey(key)) > 0 {
		return fmt.Errorf("%s.key: %q: write one of the %s's keys, of letters, digits, dots, hyphens and underscores", field, key, kind)
	}
	return nil
}

func checkObjectName(field, kind, name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("%s.name: %q: write the name of a %s of the pod's namespace, such as app-settings", field, name, kind)
	}
	return nil
}

func checkFileKeyRef(file *corev1.FileKeySelector) error {
	switch {
	case len(validation.IsDNS1123Label(file.VolumeName)) > 0:
		return fmt.Errorf(".fileKeyRef.volumeName: %q: write the name of one of the pod's emptyDir volumes", file.VolumeName)
	case file.Path == "" || climbs(file.Path):
		return fmt.Errorf(".fileKeyRef.path: %q: write a path within the volume, without .., such as app.env", file.Path)
	case len(validation.IsRelaxedEnvVarName(file.Key)) > 0:
		return fmt.Errorf(".fileKeyRef.key: %q: write the name of one of the file's variables, such as MODE", file.Key)
	}
	return nil
}

func checkEnvFrom(sources []corev1.EnvFromSource) error {
	for i := range sources {
		if err := checkVariablesSource(&sources[i]); err != nil {
			return fmt.Errorf(".envFrom[%d]%w", i, err)
		}
	}
	return nil
}

func checkVariablesSource(source *corev1.EnvFromSource) error {
	configMap, secret := source.ConfigMapRef, source.SecretRef
	switch {
	case count(configMap != nil, secret != nil) != 1:
		return errors.New(": write configMapRef or secretRef")
	case source.Prefix != "" && len(validation.IsRelaxedEnvVarName(source.Prefix)) > 0:
		return fmt.Errorf(".prefix: %q: write what the names of variables can begin with, such as DB_", source.Prefix)
	case configMap != nil:
		return checkObjectName(".configMapRef", "ConfigMap", configMap.Name)
	}
	return checkObjectName(".secretRef", "Secret", secret.Name)
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
