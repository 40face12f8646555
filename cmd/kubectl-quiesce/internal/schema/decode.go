package schema

import (
	"encoding/json"
	"fmt"

	"github.com/quiesce-io/quiesce/config/templates"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Decode reads an object of one of our kinds as the API server would hand it out: with its defaults. The fields get them, too.
func Decode(kind string, fields map[string]any, into any) error {
	s, err := Of(kind)
	if err != nil {
		return err
	}
	s.Default(fields)
	encoded, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("reading the %s: %w", kind, err)
	}
	if err := json.Unmarshal(encoded, into); err != nil {
		return fmt.Errorf("reading the %s: %w", kind, err)
	}
	return nil
}

// Delivered is the template of a name that comes with Quiesce, as it is in a cluster; nil where there is none.
func Delivered(name string) (*v1alpha1.HookTemplate, error) {
	template, err := templates.Named(name)
	if template == nil || err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(template)
	if err != nil {
		return nil, fmt.Errorf("reading HookTemplate %s: %w", name, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(encoded, &fields); err != nil {
		return nil, fmt.Errorf("reading HookTemplate %s: %w", name, err)
	}
	delete(fields, "status")
	with := &v1alpha1.HookTemplate{}
	return with, Decode("HookTemplate", fields, with)
}
