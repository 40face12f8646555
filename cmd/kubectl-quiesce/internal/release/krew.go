package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

//go:embed krew.yaml
var krew string

// krewManifest tells krew where archives are, and what is in them (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest).
func krewManifest(version string, archives []packed) ([]byte, error) {
	parsed, err := template.New("krew.yaml").Option("missingkey=error").Parse(krew)
	if err != nil {
		return nil, err
	}
	var manifest bytes.Buffer
	if err := parsed.Execute(&manifest, struct {
		Version  string
		Archives []packed
	}{version, archives}); err != nil {
		return nil, fmt.Errorf("krew's manifest: %w", err)
	}
	return manifest.Bytes(), nil
}
