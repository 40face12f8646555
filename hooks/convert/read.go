package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// object is a Kubernetes object of the input, of which the rest is decoded by its kind.
type object struct {
	metav1.TypeMeta
	Name      string
	Namespace string
	raw       []byte
	// place in the input, for errors.
	place string
}

// kind is the group and the kind, such as apps/Deployment. The version does not matter: the fields read here are the same in all.
func (o *object) kind() string {
	return schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).GroupKind().Group + "/" + o.Kind
}

// String is how an object is called in sentences, such as Schedule velero/nightly.
func (o *object) String() string {
	name := printable(o.Name)
	if o.Namespace != "" {
		name = printable(o.Namespace) + "/" + name
	}
	return printable(o.Kind) + " " + name
}

// read splits a part of the input and unpacks lists. A key that is there twice is an error: one of the two would be lost.
func read(source Source) ([]object, error) {
	var objects []object
	input := source.Content
	// Without a line end, the reader would lose a last line of 4096 bytes, or a multiple of it.
	documents := utilyaml.NewYAMLReader(bufio.NewReader(io.MultiReader(bytes.NewReader(input), strings.NewReader("\n"))))
	for i := 1; ; i++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		place := fmt.Sprintf("document %d", i)
		if source.Name != "" {
			place = oneLine(source.Name) + ", " + place
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		asJSON, err := toJSON(document)
		if err != nil {
			return nil, fmt.Errorf("%s is no YAML: %w", place, err)
		}
		if string(asJSON) == "null" {
			continue
		}
		if objects, err = unpack(objects, asJSON, place, metav1.TypeMeta{}); err != nil {
			return nil, err
		}
	}
}

// toJSON takes JSON that is no YAML as well: it may have control characters in its strings.
func toJSON(document []byte) ([]byte, error) {
	asJSON, err := yaml.YAMLToJSONStrict(document)
	if err == nil || !json.Valid(document) {
		return asJSON, err
	}
	if _, lax := yaml.YAMLToJSON(document); lax == nil {
		return nil, err // it is YAML, and the mistake is a key that is there twice
	}
	return document, nil
}

// unpack appends the object, or those that are in it when it is a list. What does not say of which kind it is, is of the one given, if any:
// the API server leaves that out in lists of one kind.
func unpack(objects []object, raw []byte, place string, of metav1.TypeMeta) ([]object, error) {
	var header struct {
		metav1.TypeMeta
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"metadata"`
		Items []json.RawMessage `json:"items"`
		astraHeader
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		return nil, fmt.Errorf("%s is no object of Kubernetes: %w", place, err)
	}
	if header.Kind == "" && header.APIVersion == "" {
		header.TypeMeta = of
		if kind := header.kind(header.Items); kind != "" {
			header.TypeMeta = metav1.TypeMeta{APIVersion: astraGroup + "/v1", Kind: kind}
			header.Metadata.Name = header.Name
		}
	}
	if header.Kind == "" || header.APIVersion == "" {
		return nil, fmt.Errorf("%s is no object of Kubernetes: it has no apiVersion or no kind", place)
	}
	if header.Items == nil || !strings.HasSuffix(header.Kind, "List") {
		o := object{TypeMeta: header.TypeMeta, Name: header.Metadata.Name, Namespace: header.Metadata.Namespace, raw: raw}
		o.place = place + ", " + o.String()
		return append(objects, o), nil
	}
	for i, item := range header.Items {
		var err error
		of := metav1.TypeMeta{APIVersion: header.APIVersion, Kind: strings.TrimSuffix(header.Kind, "List")}
		if objects, err = unpack(objects, item, fmt.Sprintf("%s, item %d", place, i+1), of); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// decode reads the fields of an object that the target knows.
func (o *object) decode(into any) error { return json.Unmarshal(o.raw, into) }
