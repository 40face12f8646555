package lint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/manifest"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// subject is one object that is judged.
type subject struct {
	*manifest.Object
	// label is the object in a sentence.
	label string
	// fields are the object's, with defaults once it is known to be whole.
	fields   map[string]any
	findings []Finding
}

func (s *subject) add(severity Severity, path, message string) {
	s.findings = append(s.findings, finding(s.At(path), severity, s.label, path, message))
}

func (s *subject) wrong() bool {
	return slices.ContainsFunc(s.findings, func(f Finding) bool { return f.Severity == Error })
}

// Check judges all objects of ours in some files, and counts them.
func Check(ctx context.Context, files []manifest.File) (findings []Finding, objects int, err error) {
	subjects, findings, err := shapes(files, func(of *schema.Schema, fields map[string]any) (field.ErrorList, error) {
		return of.Validate(ctx, fields)
	})
	if err != nil {
		return nil, 0, err
	}
	twice(subjects)
	if err := checkMeaning(subjects); err != nil {
		return nil, 0, err
	}
	for _, s := range subjects {
		findings = append(findings, s.findings...)
	}
	return arrange(findings, files), len(subjects), nil
}

// Whole is an object of ours, and what keeps it from being read.
type Whole struct {
	*manifest.Object
	// Fields of the object, with their defaults.
	Fields map[string]any
	// Mistakes in it; none where it has the shape that the schema asks for.
	Mistakes []Finding
}

// Shapes reads the objects of ours in some files, and says what is wrong with them by themselves. It is quick, and leaves out the rules of
// the schema, nearly all of which a policy is held to when it is compiled.
func Shapes(files []manifest.File) (objects []Whole, unreadable []Finding, err error) {
	subjects, unreadable, err := shapes(files, (*schema.Schema).Shape)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range subjects {
		if !s.wrong() {
			if err := s.checkAlone(); err != nil {
				return nil, nil, err
			}
		}
		whole := Whole{Object: s.Object, Fields: s.fields}
		for _, finding := range s.findings {
			if finding.Severity == Error {
				whole.Mistakes = append(whole.Mistakes, finding)
			}
		}
		objects = append(objects, whole)
	}
	return objects, unreadable, nil
}

type judge func(of *schema.Schema, fields map[string]any) (field.ErrorList, error)

func shapes(files []manifest.File, judge judge) (subjects []*subject, unreadable []Finding, err error) {
	for i := range files {
		for _, mistake := range files[i].Mistakes {
			unreadable = append(unreadable, finding(mistake.Position, Error, "", "", mistake.Message))
		}
		for j := range files[i].Objects {
			object := &files[i].Objects[j]
			s := &subject{Object: object, label: fmt.Sprintf("%s %q", object.Kind, object.Name)}
			if !ours(s) {
				continue
			}
			if err := s.checkShape(judge); err != nil {
				return nil, nil, err
			}
			subjects = append(subjects, s)
		}
	}
	return subjects, unreadable, nil
}

// ours tells of objects to be judged: of our group, or of a kind that is ours alone, in which case the group is mistaken.
func ours(s *subject) bool {
	return s.Group() == v1alpha1.GroupVersion.Group || slices.Contains(schema.Kinds, s.Kind)
}

// twice finds objects that another one of the files would overwrite.
func twice(subjects []*subject) {
	type key struct{ kind, namespace, name string }
	first := map[key]*subject{}
	for _, s := range subjects {
		key := key{s.Kind, s.Namespace, s.Name}
		if s.Name == "" {
			continue
		}
		if other := first[key]; other != nil {
			s.add(Warning, "metadata.name", fmt.Sprintf("%s is at %s as well, and this one would take its place: leave one of them out, or rename it", s.label, other.Position()))
			continue
		}
		first[key] = s
	}
}

// checkShape judges an object by its schema, as the API server does for a strict client.
func (s *subject) checkShape(judge judge) error {
	if s.APIVersion != v1alpha1.GroupVersion.String() {
		s.add(Error, "apiVersion", fmt.Sprintf("%s has no kind %s: write %s", s.APIVersion, s.Kind, v1alpha1.GroupVersion))
		return nil
	}
	if !slices.Contains(schema.Kinds, s.Kind) {
		s.add(Error, "kind", command.Unknown("kind", s.Kind, schema.Kinds).Error())
		return nil
	}
	of, err := schema.Of(s.Kind)
	if err != nil {
		return err
	}
	if s.fields, err = s.Fields(); err != nil {
		return fmt.Errorf("%s: reading %s: %w", s.Position(), s.label, err) // it was read as JSON a moment ago
	}
	delete(s.fields, "status") // the API server drops it
	s.checkMetadata(of.Namespaced)
	for _, path := range of.Unknown(s.fields) {
		s.unknown(of, path)
	}
	of.Default(s.fields)
	mistakes, err := judge(of, s.fields)
	if err != nil {
		return err
	}
	for _, mistake := range mistakes {
		s.add(Error, path(mistake.Field), words(mistake))
	}
	return nil
}

func (s *subject) unknown(of *schema.Schema, path string) {
	parent, name := manifest.Split(path)
	s.add(Error, path, command.Unknown("field", name, of.Fields(manifest.Names(parent))).Error())
}

// checkMetadata judges what all objects have.
func (s *subject) checkMetadata(namespaced bool) {
	raw, err := json.Marshal(s.fields["metadata"])
	if err != nil {
		s.add(Error, "metadata", err.Error())
		return
	}
	var meta metav1.ObjectMeta
	strict, err := kjson.UnmarshalStrict(raw, &meta)
	if err != nil {
		s.add(Error, "metadata", "it cannot be read: "+err.Error())
		return
	}
	for _, mistake := range strict {
		if where, is := errors.AsType[kjson.FieldError](mistake); is {
			_, name := manifest.Split(where.FieldPath())
			s.add(Error, "metadata."+where.FieldPath(), command.Unknown("field", name, metadataFields).Error())
		}
	}
	if !namespaced && meta.Namespace != "" {
		s.add(Warning, "metadata.namespace", fmt.Sprintf("a %s is for the whole cluster and in no namespace: leave it out%s", s.Kind, besides(s.Kind)))
	}
	meta.Namespace = "" // the API server leaves it out of account, or has it from the request
	if namespaced {
		meta.Namespace = "default"
		if s.Namespace != "" {
			meta.Namespace = s.Namespace
		}
	}
	if meta.Name == "" && meta.GenerateName != "" {
		meta.Name = meta.GenerateName + "x"
	}
	if strings.Contains(meta.Name, "{{") {
		s.add(Error, "metadata.name", "this is a template that has not been rendered: give its output, such as that of helm template RELEASE CHART")
		return
	}
	for _, mistake := range apivalidation.ValidateObjectMeta(&meta, namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")) {
		s.add(Error, mistake.Field, words(mistake))
	}
}

// metadataFields are those that people write.
var metadataFields = []string{"name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences"}

func besides(kind string) string {
	if kind == "HookPolicy" {
		return ", or write kind: NamespacedHookPolicy for a policy of one namespace"
	}
	return ""
}

// spec decodes the spec of an object that is whole.
func spec[T any](s *subject) (*T, error) {
	raw, err := json.Marshal(s.fields["spec"])
	if err != nil {
		return nil, fmt.Errorf("%s: reading the spec: %w", s.label, err)
	}
	into := new(T)
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("%s: reading the spec: %w", s.label, err)
	}
	return into, nil
}

func sorted[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
