// Package templates holds the application library: the HookTemplates that are delivered with Quiesce, as the YAML files beside it have
// them.
package templates

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

//go:embed *.yaml
var files embed.FS

// All are the templates by their names, in order. An error names the file.
func All() ([]v1alpha1.HookTemplate, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	all := make([]v1alpha1.HookTemplate, 0, len(entries))
	for _, entry := range entries {
		template, err := read(entry.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, *template)
	}
	slices.SortFunc(all, func(a, b v1alpha1.HookTemplate) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// Named is the template of a name; nil where there is none.
func Named(name string) (*v1alpha1.HookTemplate, error) {
	template, err := read(name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, nil
	}
	return template, err
}

func read(file string) (*v1alpha1.HookTemplate, error) {
	text, err := files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var template v1alpha1.HookTemplate
	if err := yaml.UnmarshalStrict(text, &template); err != nil {
		return nil, fmt.Errorf("config/templates/%s: %w", file, err)
	}
	if want := template.Name + ".yaml"; file != want {
		return nil, fmt.Errorf("config/templates/%s holds the template %s: call the file %s", file, template.Name, want)
	}
	return &template, nil
}
