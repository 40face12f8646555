package lint

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/schema"
	"github.com/quiesce-io/quiesce/hooks/manifest"
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
	// partly is true where something is not judged for want of what is wrong.
	partly bool
}

func (s *subject) add(severity Severity, path, message string) {
	s.findings = append(s.findings, finding(s.At(path), severity, s.label, path, message))
}

func (s *subject) wrong() bool {
	return slices.ContainsFunc(s.findings, func(f Finding) bool { return f.Severity == Error })
}

// verdict is what is wrong with some files.
type verdict struct {
	findings       []Finding
	objects, files int
	// partly is true where more can be found once what was found is mended.
	partly bool
}

// check judges all objects of ours in some files.
func check(ctx context.Context, files []manifest.File) (*verdict, error) {
	objects, unreadable, err := Judge(ctx, files)
	if err != nil {
		return nil, err
	}
	v := &verdict{findings: unreadable, objects: len(objects), files: len(files)}
	for i := range objects {
		v.findings, v.partly = append(v.findings, objects[i].Findings...), v.partly || objects[i].Partly
	}
	v.findings = arrange(v.findings, files)
	return v, nil
}

// Judged is an object of ours, and what is wrong with it.
type Judged struct {
	*manifest.Object
	// Fields of the object, with their defaults.
	Fields map[string]any
	// Findings in it; it is as the API server would have it where there is no error among them.
	Findings []Finding
	// Partly is true where more can be found once what was found is mended.
	Partly bool
}

// Errors are what keeps the object from being used.
func (j *Judged) Errors() []Finding {
	return slices.DeleteFunc(slices.Clone(j.Findings), func(f Finding) bool { return f.Severity != Error })
}

// Judge judges all objects of ours in some files, in their order, and says what in the files cannot be read.
func Judge(ctx context.Context, files []manifest.File) (objects []Judged, unreadable []Finding, err error) {
	subjects, unreadable, err := shapes(ctx, files)
	if err != nil {
		return nil, nil, err
	}
	twice(subjects)
	if err := checkMeaning(subjects); err != nil {
		return nil, nil, err
	}
	for _, s := range subjects {
		objects = append(objects, Judged{s.Object, s.fields, arrange(s.findings, files), s.partly})
	}
	return objects, unreadable, nil
}

func shapes(ctx context.Context, files []manifest.File) (subjects []*subject, unreadable []Finding, err error) {
	for i := range files {
		for _, mistake := range files[i].Mistakes {
			unreadable = append(unreadable, finding(mistake.Position, Error, "", mistake.Field, mistake.Message))
		}
		for j := range files[i].Objects {
			object := &files[i].Objects[j]
			s := &subject{Object: object, label: fmt.Sprintf("%s %q", object.Kind, object.Name)}
			if !ours(s) {
				continue
			}
			if err := s.checkShape(ctx); err != nil {
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
func (s *subject) checkShape(ctx context.Context) error {
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
	unknown := of.Unknown(s.fields)
	for _, path := range unknown {
		s.unknown(of, path)
	}
	of.Default(s.fields)
	mistakes, untried, err := of.Validate(ctx, s.fields, unknown...)
	if err != nil {
		return err
	}
	s.partly = untried
	for _, mistake := range mistakes {
		s.add(Error, path(mistake.Field), words(mistake))
	}
	return nil
}

func (s *subject) unknown(of *schema.Schema, path string) {
	parent, name := manifest.Split(path)
	s.add(Error, path, command.Unknown("field", name, of.Fields(manifest.Names(parent))).Error())
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
