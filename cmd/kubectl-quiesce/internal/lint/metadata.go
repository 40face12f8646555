package lint

import (
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
	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// metadataFields are those that people write.
var metadataFields = []string{"name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences"}

// checkMetadata judges what all objects have.
func (s *subject) checkMetadata(namespaced bool) {
	meta, whole := s.metadata()
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
	if meta.Name == "" && !whole {
		meta.Name = "unknown" // it may be what cannot be read
	}
	for _, mistake := range apivalidation.ValidateObjectMeta(meta, namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")) {
		s.add(Error, mistake.Field, words(mistake))
	}
}

// metadata decodes what can be, and tells whether that is all.
func (s *subject) metadata() (meta *metav1.ObjectMeta, whole bool) {
	whole = len(s.Mistyped) == 0
	fields, is := s.fields["metadata"].(map[string]any)
	if !is && s.fields["metadata"] != nil {
		return &metav1.ObjectMeta{}, false // the file's mistakes have it
	}
	fields = maps.Clone(fields)
	for _, path := range s.Mistyped { // these as well
		delete(fields, strings.TrimPrefix(path, "metadata."))
	}
	for {
		meta = &metav1.ObjectMeta{}
		raw, err := json.Marshal(fields)
		if err != nil {
			s.add(Error, "metadata", err.Error())
			return meta, false
		}
		strict, err := kjson.UnmarshalStrict(raw, meta)
		if err == nil {
			s.unknownMetadata(strict)
			return meta, whole
		}
		whole = false
		wrong, is := errors.AsType[*json.UnmarshalTypeError](err)
		top, _, _ := strings.Cut(fieldOf(wrong), ".")
		if _, there := fields[top]; !is || !there {
			s.add(Error, "metadata", "it cannot be read: "+err.Error())
			return &metav1.ObjectMeta{}, false
		}
		s.add(Error, "metadata."+fieldOf(wrong), manifest.MistypedJSON(wrong))
		delete(fields, top)
	}
}

func fieldOf(wrong *json.UnmarshalTypeError) string {
	if wrong == nil {
		return ""
	}
	return wrong.Field
}

func (s *subject) unknownMetadata(strict []error) {
	for _, mistake := range strict {
		if where, is := errors.AsType[kjson.FieldError](mistake); is {
			_, name := manifest.Split(where.FieldPath())
			s.add(Error, "metadata."+where.FieldPath(), command.Unknown("field", name, slices.Clone(metadataFields)).Error())
		}
	}
}

func besides(kind string) string {
	if kind == "HookPolicy" {
		return ", or write kind: NamespacedHookPolicy for a policy of one namespace"
	}
	return ""
}
