package chart_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// helm runs helm and returns its standard output. The error holds what it wrote to the other.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	seeInputs(t)
	cmd := exec.CommandContext(t.Context(), os.Getenv("HELM"), append(args, "--namespace", namespace)...)
	home := t.TempDir() // none of the caller's plugins and repositories
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+kubeconfig,
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.Join(err, errors.New(stderr.String()))
	}
	return stdout.String(), nil
}

// seeInputs looks at what the result depends on. Go repeats a cached result while nothing has changed that the tests
// themselves looked at, and the chart is read by helm.
func seeInputs(t *testing.T) {
	t.Helper()
	_ = os.Getenv("KUBEBUILDER_ASSETS")
	require.NoError(t, filepath.WalkDir(chart, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_, err = os.Stat(path)
		}
		return err
	}))
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range append(files, "testdata/crds/servicemonitor.yaml", "testdata/crds/prometheusrule.yaml") {
		_, err := os.Stat(file)
		require.NoError(t, err)
	}
}

// render returns the objects that the chart makes of a file in testdata.
func render(t *testing.T, values string) []*unstructured.Unstructured {
	t.Helper()
	out, err := helm(t, "template", "quiesce", chart,
		"--kube-version", kubeVersion, "--values", filepath.Join("testdata", values))
	require.NoError(t, err)
	return objects(t, []byte(out))
}

// objects parses YAML documents; a key that stands twice in a map is an error.
func objects(t *testing.T, documents []byte) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(documents)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			require.NotEmpty(t, all, "no object at all")
			return all
		}
		require.NoError(t, err)
		asJSON, err := yaml.YAMLToJSONStrict(document)
		require.NoError(t, err, "%s", document)
		if string(asJSON) == "null" { // comments only
			continue
		}
		object := &unstructured.Unstructured{}
		require.NoError(t, object.UnmarshalJSON(asJSON), "%s", document)
		all = append(all, object)
	}
}

// find decodes the one object of a kind and name into its type.
func find[T any](t *testing.T, all []*unstructured.Unstructured, kind, name string) T {
	t.Helper()
	var found T
	count := 0
	for _, object := range all {
		if object.GetKind() != kind || object.GetName() != name {
			continue
		}
		count++
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &found, true))
	}
	require.Equal(t, 1, count, "%s %s is rendered %d times", kind, name, count)
	return found
}

// names returns the names of all objects of a kind.
func names(all []*unstructured.Unstructured, kind string) []string {
	found := []string{}
	for _, object := range all {
		if object.GetKind() == kind {
			found = append(found, object.GetName())
		}
	}
	return found
}

// valueFiles are the files in testdata.
func valueFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	files := make([]string, 0, len(paths))
	for _, path := range paths {
		files = append(files, filepath.Base(path))
	}
	return files
}
