package convert

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// object is a Kubernetes object of the input, of which the rest is decoded by its kind.
type object struct {
	*manifest.Object
}

// kind is the group and the kind, such as apps/Deployment. The version does not matter: the fields read here are the same in all.
func (o *object) kind() string {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).GroupKind().Group + "/" + o.Kind
}

// String is how an object is called in sentences, such as Schedule velero/nightly.
func (o *object) String() string { return called(o.Kind, o.Namespace, o.Name) }

func called(kind, namespace, name string) string {
	name = printable(name)
	if namespace != "" {
		name = printable(namespace) + "/" + name
	}
	return printable(kind) + " " + name
}

// decode reads the fields of an object that the target knows.
func (o *object) decode(into any) error { return json.Unmarshal(o.JSON, into) }

// read reads a part of the input. What is wrong with it goes to the mistakes.
func read(source Source) (objects []object, mistakes []manifest.Mistake) {
	file := manifest.Reader{KindOf: astraKind}.Read(oneLine(cmp.Or(source.Name, "the input")), source.Content)
	for i := range file.Objects {
		objects = append(objects, object{&file.Objects[i]})
	}
	return objects, file.Mistakes
}

// astraKind is the kind of an object of Astra Control, or of a list of them.
func astraKind(raw json.RawMessage) (of metav1.TypeMeta, name string) {
	var header struct {
		astraHeader
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(raw, &header) != nil {
		return metav1.TypeMeta{}, ""
	}
	return metav1.TypeMeta{APIVersion: astraGroup + "/v1", Kind: header.kind(header.Items)}, header.Name
}

// UnreadableError is an input that cannot be read, with all that is wrong with it.
type UnreadableError struct {
	Mistakes []manifest.Mistake
}

// Error has a line for each mistake.
func (e *UnreadableError) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, mistake := range e.Mistakes {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

// mistaken says where in an object the field is that cannot be decoded. The error begins with the path of what was, if there is one.
func mistaken(o *object, err error) manifest.Mistake {
	path, message := "", err.Error()
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		message = manifest.MistypedJSON(wrong)
		path = strings.TrimSuffix(strings.TrimSuffix(err.Error(), wrong.Error()), ": ")
		if wrong.Field != "" {
			path = strings.TrimPrefix(path+"."+wrong.Field, ".")
		}
	}
	return manifest.Mistake{Position: o.At(path), Field: path, Message: o.String() + ": " + oneLine(message)}
}
