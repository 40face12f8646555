package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sample = `# a policy
apiVersion: quiesce.io/v1alpha1
kind: HookPolicy
metadata:
  name: a
  labels: &labels
    app.kubernetes.io/name: b
spec:
  selector:
    labelSelector:
      matchLabels:
        <<: *labels
        tier: db
  hooks:
  - name: first
    exec:
      command: [sync,
        -f]
  - {name: second, timeout: 5s}
`

func TestFieldsAreFoundByTheirPaths(t *testing.T) {
	file := Read("f", []byte(sample))
	require.Empty(t, file.Mistakes)
	require.Len(t, file.Objects, 1)
	for path, want := range map[string]struct {
		line, column int
		there        bool
	}{
		"":                               {2, 1, true},
		"metadata.name":                  {5, 3, true},
		"spec.hooks":                     {14, 3, true},
		"spec.hooks[0]":                  {15, 5, true},
		"spec.hooks[first].exec.command": {17, 7, true},
		"spec.hooks[0].exec.command[1]":  {18, 9, true},
		"spec.hooks[second].timeout":     {19, 20, true},
		"spec.hooks[1].stages":           {19, 5, false},
		"spec.hooks[third].timeout":      {14, 3, false},
		"spec.hooks[7]":                  {14, 3, false},
		"spec.nosuch.field":              {8, 1, false},
		"nosuch":                         {2, 1, false},
		"metadata.labels['nosuch']":      {6, 3, false},
		"spec.hooks[first].exec[":        {16, 5, true},
		"..spec":                         {2, 1, true},
		"spec.selector.labelSelector.matchLabels.tier": {13, 9, true},
		"metadata.labels.app.kubernetes.io/name":       {7, 5, true},
	} {
		position := file.Objects[0].At(path)
		assert.Equal(t, Position{"f", want.line, want.column}, position, path)
		assert.Equal(t, want.there, file.Objects[0].Has(path), path)
	}
	assert.Equal(t, 7, file.Objects[0].At("spec.selector.labelSelector.matchLabels[app.kubernetes.io/name]").Line, "it is merged")
}

func TestDocumentsAndListsAreObjectsEach(t *testing.T) {
	file := Read("f", []byte("---\n# nothing\n---\nkind: A\napiVersion: v1\n--- {kind: B, apiVersion: v1}\n---\nkind: CList\napiVersion: v1\nitems:\n- metadata: {name: c}\n- {kind: D, apiVersion: apps/v1}\n"))
	require.Empty(t, file.Mistakes)
	var got []string
	for _, object := range file.Objects {
		got = append(got, fmt.Sprintf("%s/%s %s", object.APIVersion, object.Kind, object.Position()))
	}
	assert.Equal(t, []string{"v1/A f:4:1", "v1/B f:6:5", "v1/C f:11:3", "apps/v1/D f:12:3"}, got)
}

func TestALargeFileIsRead(t *testing.T) {
	var content bytes.Buffer
	for content.Len() < 1<<20 {
		fmt.Fprintf(&content, "---\n%s", sample)
	}
	begin := time.Now()
	file := Read("f", content.Bytes())
	assert.Empty(t, file.Mistakes)
	assert.Greater(t, len(file.Objects), 2_000)
	assert.Less(t, time.Since(begin), time.Minute)
	t.Logf("%d objects of %d MiB in %s", len(file.Objects), content.Len()>>20, time.Since(begin))
}

func TestLinesAreThoseOfEditors(t *testing.T) {
	for _, odd := range []string{"# \r\r", "# \u2028\u0085", "# \r\n#"} {
		file := Read("f", []byte(odd+"\nkind: A\napiVersion: v1\nspec: {}\n"))
		require.Len(t, file.Objects, 1, "%q: %v", odd, file.Mistakes)
		assert.Equal(t, 4+strings.Count(odd, "\n"), file.Objects[0].At("spec").Line, "%q", odd)
	}
}

func TestAliasesThatGrowAreRefused(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	file := Read("f", []byte(bomb.String()))
	require.Len(t, file.Mistakes, 1)
	assert.Contains(t, file.Mistakes[0].Message, "excessive aliasing")
}

func TestAStreamOfJSONIsAnObjectEach(t *testing.T) {
	for content, want := range map[string]struct{ objects, mistakes []string }{
		"{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n{\"apiVersion\":\"v1\",\"kind\":\"B\"}\n":               {[]string{"A f:1:1", "B f:2:1"}, nil},
		"{\"apiVersion\":\"v1\",\"kind\":\"A\"} {\"apiVersion\":\"v1\",\"kind\":\"B\"} # both\n":         {[]string{"A f:1:1", "B f:1:32"}, nil},
		"\n{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n---\n{\n\t\"apiVersion\": \"v1\", \"kind\": \"B\"}\n": {[]string{"A f:2:1", "B f:4:1"}, nil},
		"{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n...\n":                                                  {[]string{"A f:1:1"}, nil},
		"{\"apiVersion\":\"v1\",\"kind\":\"A\"}\n\n  kind: B\n": {
			[]string{"A f:1:1"}, []string{"f:3:3 this follows the end of an object: write --- ahead of it, or remove it"},
		},
		"{apiVersion: v1, kind: A}\n{apiVersion: v1, kind: B}\n": {
			nil, []string{"f:2:1 this follows the end of a document: write --- ahead of it, or remove it"},
		},
		"{apiVersion: v1, kind: A}\nanything\n": {
			nil, []string{"f:2:1 this follows the end of a document: write --- ahead of it, or remove it"},
		},
	} {
		file := Read("f", []byte(content))
		var objects, mistakes []string
		for i := range file.Objects {
			objects = append(objects, file.Objects[i].Kind+" "+file.Objects[i].Position().String())
		}
		for _, mistake := range file.Mistakes {
			mistakes = append(mistakes, mistake.Position.String()+" "+mistake.Message)
		}
		assert.Equal(t, want.objects, objects, content)
		assert.Equal(t, want.mistakes, mistakes, content)
	}
}

func TestJSONMayHaveCharactersThatYAMLMayNot(t *testing.T) {
	for _, r := range []rune{0x7F, 0x83, 0x9F, 0x85, 0x2028, 0xFEFF, 0xFFFE, 0xFFFF} {
		file := Read("f", []byte(`{"apiVersion":"v1","kind":"A","metadata":{"name":"{{`+string(r)+`"}}`))
		assert.Empty(t, file.Mistakes, "%U", r)
		require.Len(t, file.Objects, 1, "%U", r)
		assert.Equal(t, "{{"+string(r), file.Objects[0].Name, "%U", r)
	}
	file := Read("f", []byte(`{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"`+strings.Repeat("k", 1100)+`":1}`))
	assert.Empty(t, file.Mistakes, "a long key")
	require.Len(t, file.Objects, 1, "a long key")
	assert.Equal(t, Position{"f", 1, 1}, file.Objects[0].At("metadata.name"))
}

func TestANameThatIsNoTextIsAMistakeOfAnObjectThatIsRead(t *testing.T) {
	file := Read("f", []byte("apiVersion: v1\nkind: A\nmetadata:\n  name: y\n  namespace: shop\n"))
	require.Len(t, file.Objects, 1)
	assert.Equal(t, []string{"shop", ""}, []string{file.Objects[0].Namespace, file.Objects[0].Name})
	assert.Equal(t, []Mistake{{Position{"f", 4, 3}, "metadata.name", "it is true or false and must be a string: write it in quotes"}}, file.Mistakes)
	assert.Equal(t, []string{"metadata.name"}, file.Objects[0].Mistyped)
}

func TestATemplateIsToldWhereItKeepsADocumentFromBeingRead(t *testing.T) {
	const unrendered = "this is a template that has not been rendered"
	for content, is := range map[string]bool{
		"kind: A\nname: {{ .Release.Name }}\n":             true,
		"kind: A\n{{- if .Values.a }}\nb: c\n{{- end }}\n": true,
		"kind: A\nnote: \"{{ .Time }}\"\na: b: c\n":        true,
		"kind: A\nnote: \"{{ .Time }}\"\nb: c\na: b: c\n":  false,
		"a: [\n---\nb: \"{{\"\n":                           false,
	} {
		file := Read("f", []byte(content))
		require.NotEmpty(t, file.Mistakes, content)
		assert.Equal(t, is, strings.Contains(file.Mistakes[0].Message, unrendered), "%s\n%s", content, file.Mistakes[0].Message)
	}
}

// FuzzRead looks for inputs that cannot be read without a panic, and for places that are not in the file.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{sample, "a: b: c", "\t", "{{", "---\n--- a\n...\nb", "- &a [*a]", "? [a]\n: b", "%YAML 1.2\n---\n", "\xEF\xBB\xBF{}", "kind: List\napiVersion: v1\nitems: [{}, 1, null]", "a: &a {<<: *a}", "kind: [a]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		lines := bytes.Count(content, []byte("\n")) + 1
		within := func(position Position) {
			if position.Line < 1 || position.Line > lines || position.Column < 1 {
				t.Errorf("%s of %d lines", position, lines)
			}
		}
		file := Read("f", content)
		for _, mistake := range file.Mistakes {
			within(mistake.Position)
		}
		for i := range file.Objects {
			object := &file.Objects[i]
			within(object.Position())
			for _, path := range []string{"spec", "metadata.name", "spec.hooks[0].exec.command[0]", "spec.hooks[a].timeout", "items[1].spec", "a.a.a.a", "<<", "a[0][0][0]"} {
				within(object.At(path))
			}
			if _, err := object.Fields(); err != nil {
				t.Errorf("the JSON of an object cannot be read: %v", err)
			}
		}
	})
}
