package schema

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/config/templates"
)

func TestEachKindHasASchema(t *testing.T) {
	for _, kind := range Kinds {
		s, err := Of(kind)
		require.NoError(t, err)
		assert.Contains(t, s.Fields(nil), "spec", kind)
		assert.NotEmpty(t, s.Fields([]string{"spec"}), kind)
		assert.Equal(t, kind == "NamespacedHookPolicy" || kind == "HookSession" || kind == "HookRun", s.Namespaced, kind)
	}
}

func BenchmarkReading(b *testing.B) {
	for b.Loop() {
		_, err := read("HookPolicy")
		require.NoError(b, err)
	}
}

func BenchmarkRules(b *testing.B) {
	for b.Loop() {
		s, err := read("HookPolicy")
		require.NoError(b, err)
		s.rules()
	}
}

func TestDeliveredTemplatesHaveTheirDefaults(t *testing.T) {
	all, err := templates.All()
	require.NoError(t, err)
	for i := range all {
		template, err := Delivered(all[i].Name)
		require.NoError(t, err)
		require.NotNil(t, template, all[i].Name)
		for i := range template.Spec.Hooks {
			assert.NotZero(t, template.Spec.Hooks[i].Timeout.Duration, template.Name)
			assert.NotEmpty(t, template.Spec.Hooks[i].OnError, template.Name)
		}
	}
}

func TestOtherTemplatesAreNotDelivered(t *testing.T) {
	for _, name := range []string{"postgress", "", "../crd/x", "a/b", "templates.go"} {
		template, err := Delivered(name)
		require.NoError(t, err, name)
		assert.Nil(t, template, name)
	}
}
