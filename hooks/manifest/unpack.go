package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// unpack adds the object, or those that are in it when it is a list. What does not say of which kind it is, is of the one given, if any:
// the API server leaves that out in lists of one kind.
func (f *reading) unpack(object Object, of metav1.TypeMeta) {
	var header struct {
		metav1.TypeMeta
		Metadata json.RawMessage   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	at := object.position
	if err := json.Unmarshal(object.JSON, &header); err != nil {
		mistake, is := errors.AsType[*json.UnmarshalTypeError](err)
		if !is || mistake.Field == "" {
			f.mistake(at.Line, at.Column, "this is no object of Kubernetes: write a mapping with apiVersion, kind and metadata")
			return
		}
		f.mistyped(&object, strings.TrimPrefix(mistake.Field, "TypeMeta."), mistake)
		return
	}
	called := ""
	if header.Kind == "" && header.APIVersion == "" {
		header.TypeMeta = of
		if f.reader.KindOf != nil {
			if known, name := f.reader.KindOf(object.JSON); known.Kind != "" {
				header.TypeMeta, called = known, name
			}
		}
	}
	switch {
	case header.Kind == "":
		f.mistake(at.Line, at.Column, "this object has no kind: write it, and its apiVersion")
		return
	case header.APIVersion == "":
		f.mistake(at.Line, at.Column, "this object has no apiVersion: write it, such as apiVersion: quiesce.io/v1alpha1")
		return
	}
	object.TypeMeta = header.TypeMeta
	f.name(&object, header.Metadata)
	if called != "" {
		object.Name = called
	}
	if header.Items == nil || !strings.HasSuffix(header.Kind, "List") {
		f.Objects = append(f.Objects, object)
		return
	}
	of = metav1.TypeMeta{APIVersion: header.APIVersion, Kind: strings.TrimSuffix(header.Kind, "List")}
	for i, raw := range header.Items {
		item := Object{JSON: raw, lines: object.lines, position: object.At(fmt.Sprintf("items[%d]", i))}
		if _, items := child(resolved(object.node), step{name: "items"}); items != nil {
			_, item.node = child(resolved(items), step{strconv.Itoa(i), true})
		}
		f.unpack(item, of)
	}
}

// name takes an object's names from its metadata, one by one: of some that cannot be names, such as the y that YAML takes for true, the
// others are known nevertheless.
func (f *reading) name(object *Object, metadata json.RawMessage) {
	if len(metadata) == 0 {
		return
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(metadata, &fields); err != nil {
		mistake, is := errors.AsType[*json.UnmarshalTypeError](err)
		if is {
			f.mistyped(object, "metadata", mistake)
		}
		return
	}
	var generated string
	for _, one := range []struct {
		field string
		into  *string
	}{{"name", &object.Name}, {"generateName", &generated}, {"namespace", &object.Namespace}} {
		raw, has := fields[one.field]
		if !has {
			continue
		}
		if mistake, is := errors.AsType[*json.UnmarshalTypeError](json.Unmarshal(raw, one.into)); is {
			f.mistyped(object, "metadata."+one.field, mistake)
		}
	}
	if object.Name == "" {
		object.Name = generated
	}
}

// mistyped says that a field of an object has a value of another type than it must have.
func (f *reading) mistyped(object *Object, field string, mistake *json.UnmarshalTypeError) {
	f.Mistakes = append(f.Mistakes, Mistake{Position: object.At(field), Field: field, Message: MistypedJSON(mistake)})
	object.Mistyped = append(object.Mistyped, field)
}
