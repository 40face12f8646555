// Package config holds what is generated for a cluster, as the files beside it have it: for programs that judge objects without a cluster,
// and those that compare a cluster with them.
package config

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

//go:embed crd/*.yaml webhook/manifests.yaml rbac/controller/role.yaml
var files embed.FS

// CRDs are the CustomResourceDefinitions, by their names in order.
func CRDs() ([]apiextensionsv1.CustomResourceDefinition, error) {
	entries, err := files.ReadDir("crd")
	if err != nil {
		return nil, err
	}
	crds := make([]apiextensionsv1.CustomResourceDefinition, len(entries))
	for i, entry := range entries {
		text, err := files.ReadFile("crd/" + entry.Name())
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(text, &crds[i]); err != nil {
			return nil, fmt.Errorf("config/crd/%s: %w", entry.Name(), err)
		}
	}
	return crds, nil
}

// CRD is the CustomResourceDefinition of one of our kinds, as YAML. An error is for a kind that is none of ours.
func CRD(kind string) ([]byte, error) {
	plural := strings.ToLower(kind) + "s"
	if stem, found := strings.CutSuffix(plural, "ys"); found {
		plural = stem + "ies"
	}
	text, err := files.ReadFile("crd/quiesce.io_" + plural + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no kind %s: %w", kind, err)
	}
	return text, nil
}

// Webhooks are the two webhook configurations, without what the chart's values add to them.
func Webhooks() (*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	mutating, validating := &admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}
	err := documents("webhook/manifests.yaml", map[string]any{
		"MutatingWebhookConfiguration": mutating, "ValidatingWebhookConfiguration": validating,
	})
	return mutating, validating, err
}

// ControllerRules are what the controller needs to be allowed in all namespaces.
func ControllerRules() ([]rbacv1.PolicyRule, error) {
	role := &rbacv1.ClusterRole{}
	err := documents("rbac/controller/role.yaml", map[string]any{"ClusterRole": role})
	return role.Rules, err
}

// documents reads those documents of a file whose kinds are asked for.
func documents(name string, into map[string]any) error {
	text, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("config/%s: %w", name, err)
		}
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return fmt.Errorf("config/%s: %w", name, err)
		}
		object, wanted := into[kind.Kind]
		if !wanted {
			continue
		}
		if err := yaml.Unmarshal(document, object); err != nil {
			return fmt.Errorf("config/%s: %w", name, err)
		}
	}
}
