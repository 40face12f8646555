package library

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// A value is the same behind its replacement, whatever is in it, and changes nothing beside it.
func FuzzAValueStandsForItselfWhateverItIs(f *testing.F) {
	for _, value := range []string{
		"", "app", "it's", `a "b"`, "a\nb\n", "$(q)", "$$(q)", "$(p)", "$$", "$", "$(", "$(q", "`id`", "$(id -u)", `\`, "ü€🙂", "a&b=c?d#e/../f", "%41", "-c", "\xff",
	} {
		f.Add(value)
	}
	template := &v1alpha1.HookTemplateSpec{
		Params: []v1alpha1.TemplateParam{{Name: "p"}, {Name: "q"}},
		Hooks: []v1alpha1.Hook{
			command("argv", "x", "$(p)", "<$(p)>$$(p)", "$(q)", "sh", "-c", `echo "$1" $(id)`, "sh", "$(p)"),
			{Name: "url", HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "http://a.example/$(p)/x?a=$(p)&b=$(q)", HTTPHeaders: []v1alpha1.HTTPHeader{{Name: "A", Value: "$(p)"}}}}},
			{Name: "whole", HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{URL: "$(p)"}}},
			{Name: "prefix", HTTPGet: &v1alpha1.HTTPGetAction{HTTPRequest: v1alpha1.HTTPRequest{Path: "$(p)/x"}}},
			{Name: "script", Script: &v1alpha1.ScriptAction{Inline: ok, Args: []string{"$(p)"}, Env: []v1alpha1.ScriptVariable{{Name: "A", Value: "$(p)"}}}},
		},
	}
	l := &Library{Templates: map[string]*v1alpha1.HookTemplateSpec{"t": template}}
	f.Fuzz(func(t *testing.T, value string) {
		resolved, err := l.Resolve(uses("t", "p", value, "q", "Q"))
		if strings.ContainsRune(value, 0) {
			require.ErrorContains(t, err, "NUL")
			return
		}
		require.NoError(t, err)
		hooks := resolved.Hooks
		assert.Equal(t, []string{"x", value, "<" + value + ">$(p)", "Q", "sh", "-c", `echo "$1" $(id)`, "sh", value}, hooks[0].Exec.Command)
		parsed, err := url.Parse(hooks[1].HTTPGet.URL)
		require.NoError(t, err)
		assert.Equal(t, "a.example", parsed.Host)
		assert.Equal(t, "/"+value+"/x", parsed.Path)
		assert.Equal(t, url.Values{"a": {value}, "b": {"Q"}}, parsed.Query())
		assert.Empty(t, parsed.Fragment)
		assert.Equal(t, value, hooks[1].HTTPGet.HTTPHeaders[0].Value)
		assert.Equal(t, value, hooks[2].HTTPGet.URL)
		assert.Equal(t, value+"/x", hooks[3].HTTPGet.Path)
		assert.Equal(t, []string{value}, hooks[4].Script.Args)
		assert.Equal(t, value, hooks[4].Script.Env[0].Value)
		assert.Equal(t, ok, hooks[4].Script.Inline)
	})
}
