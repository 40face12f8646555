// Package schema judges objects by the schemas of our kinds, without a cluster, as its API server would: with the code that
// is in it, and by the CustomResourceDefinitions that it is given.
package schema

import (
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/config"
)

// Schema is that of one of our kinds. Reading it takes some milliseconds, and compiling its rules some more, which is put off until
// they are needed.
type Schema struct {
	Namespaced bool

	properties *apiextensions.JSONSchemaProps
	structural *structuralschema.Structural
	shape      func() (validation.SchemaValidator, error)
	rules      func() *cel.Validator
}

// Kinds that people write.
var Kinds = []string{"HookPolicy", "NamespacedHookPolicy", "HookScript", "HookTemplate", "HookSession", "HookRun"}

var schemas sync.Map // from a kind to a function that reads its schema once

// Of is the schema of a kind.
func Of(kind string) (*Schema, error) {
	once, _ := schemas.LoadOrStore(kind, sync.OnceValues(func() (*Schema, error) { return read(kind) }))
	return once.(func() (*Schema, error))() //nolint:forcetypeassert // nothing else is stored
}

func read(kind string) (*Schema, error) {
	text, err := config.CRD(kind)
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", kind, err)
	}
	s := &Schema{Namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped, properties: &apiextensions.JSONSchemaProps{}}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema, s.properties, nil); err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", kind, err)
	}
	if s.structural, err = structuralschema.NewStructural(s.properties); err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", kind, err)
	}
	s.shape = sync.OnceValues(func() (validation.SchemaValidator, error) {
		validator, _, err := validation.NewSchemaValidator(s.properties)
		return validator, err
	})
	s.rules = sync.OnceValue(func() *cel.Validator { return cel.NewValidator(s.structural, true, celconfig.PerCallLimit) })
	return s, nil
}

// Default fills in what the API server would.
func (s *Schema) Default(object map[string]any) {
	defaulting.Default(object, s.structural)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, s.structural)
}

// Unknown are the paths of fields that the schema does not know, sorted; metadata aside.
func (s *Schema) Unknown(object map[string]any) []string {
	return pruning.PruneWithOptions(object, s.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
}

// Fields are the names of those that may stand where a path leads; none where that is not known.
func (s *Schema) Fields(steps []string) []string {
	at := s.structural
	for _, step := range steps {
		var next *structuralschema.Structural
		if property, known := at.Properties[step]; known {
			next = &property
		} else if at.Items != nil {
			next = at.Items
		} else if at.AdditionalProperties != nil {
			next = at.AdditionalProperties.Structural
		}
		if next == nil {
			return nil
		}
		at = next
	}
	var names []string
	for name := range at.Properties {
		names = append(names, name)
	}
	return names
}

// Shape is what the API server finds wrong with a new object that has its defaults, the rules of the schema aside.
func (s *Schema) Shape(object map[string]any) (field.ErrorList, error) {
	validator, err := s.shape()
	if err != nil {
		return nil, fmt.Errorf("reading a schema: %w", err)
	}
	return append(validation.ValidateCustomResource(nil, object, validator), listtype.ValidateListSetsAndMaps(nil, s.structural, object)...), nil
}
