package templates_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const docs = "../../docs"

func readDoc(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, path))
	require.NoError(t, err)
	return string(text)
}

func TestTheTableOfTheLibraryHasEveryTemplate(t *testing.T) {
	table := readDoc(t, "library.md")
	for name := range library(t) {
		assert.Contains(t, table, " | `"+name+"` | ")
	}
	for _, row := range regexp.MustCompile("(?m)^\\| .* \\| `([a-z0-9-]+)` \\|").FindAllStringSubmatch(table, -1) {
		assert.Contains(t, library(t), row[1], "the table speaks of a template that there is not")
	}
}

// pages are those of the applications.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docs, "applications", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]string{}
	for _, file := range files {
		all[filepath.Base(file)] = readDoc(t, filepath.Join("applications", filepath.Base(file)))
	}
	return all
}

func TestEveryTemplateIsOnThePageOfItsApplication(t *testing.T) {
	all := pages(t)
	for name, spec := range library(t) {
		var found []string
		for page, text := range all {
			if strings.HasPrefix(text, "# "+spec.Application+"\n") {
				found = append(found, page)
				assert.True(t, strings.Contains(text, "**"+name+"**"), "%s does not present %s", page, name) //nolint:testifylint // the page is long
				for _, param := range spec.Params {
					shown := strings.Contains(text, "`"+param.Name+"`")
					assert.True(t, shown, "%s does not show %s, a param of %s", page, param.Name, name)
				}
			}
		}
		assert.Len(t, found, 1, name)
	}
}

func TestThePoliciesOfThePagesFitTheTemplates(t *testing.T) {
	all := library(t)
	for page, text := range pages(t) {
		t.Run(page, func(t *testing.T) {
			blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
			require.NotEmpty(t, blocks)
			for _, block := range blocks {
				policy := &v1alpha1.HookPolicy{}
				require.NoError(t, yaml.UnmarshalStrict([]byte(block[1]), policy))
				require.NotNil(t, policy.Spec.Template)
				template, known := all[policy.Spec.Template.Name]
				require.True(t, known, policy.Spec.Template.Name)
				assert.NotEmpty(t, policy.Spec.Selector.ContainerImages, "a policy without would take every pod")
				for _, given := range policy.Spec.Template.Params {
					at := slices.IndexFunc(template.Params, func(param v1alpha1.TemplateParam) bool { return param.Name == given.Name })
					if !assert.GreaterOrEqual(t, at, 0, "there is no param %s", given.Name) {
						continue
					}
					assert.Equal(t, template.Params[at].Secret, given.ValueFrom != nil, given.Name)
					if template.Params[at].Pattern != "" {
						assert.Regexp(t, "^(?:"+template.Params[at].Pattern+")$", given.Value, given.Name)
					}
				}
				for _, param := range template.Params {
					given := slices.ContainsFunc(policy.Spec.Template.Params, func(given v1alpha1.TemplateParamValue) bool { return given.Name == param.Name })
					assert.True(t, given || !param.Required, "%s is required", param.Name)
				}
			}
		})
	}
}
