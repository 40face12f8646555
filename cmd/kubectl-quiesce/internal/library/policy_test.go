package library

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/match"
)

func TestAPolicyIsNamedAloneOrWithItsKind(t *testing.T) {
	for argument, want := range map[string]meaning{
		"db":                                 {"db", true, true},
		"hp/db":                              {"db", true, false},
		"HookPolicy/db":                      {"db", true, false},
		"hookpolicies.quiesce.io/db":         {"db", true, false},
		"nhp/db":                             {"db", false, true},
		"namespacedhookpolicy.quiesce.io/db": {"db", false, true},
	} {
		got, err := mean(argument, false)
		require.NoError(t, err)
		assert.Equal(t, want, got, argument)
	}
	for argument, says := range map[string]string{
		"pod/db": `"pod/db" names no policy: write its name, or hp/NAME`, "hp/": "names no policy", "nhp/shop/db": "names no policy",
	} {
		_, err := mean(argument, false)
		require.ErrorContains(t, err, says)
	}
	got, err := mean("db", true)
	require.NoError(t, err)
	assert.Equal(t, meaning{"db", false, true}, got)
	_, err = mean("hp/db", true)
	require.ErrorContains(t, err, `"hp/db" is a HookPolicy, and --namespaced is for NamespacedHookPolicies`)
}

func TestBeforeAllAreSwitchedItIsAskedOfHowMany(t *testing.T) {
	all := somePolicies() // of which one is suspended already
	assert.Equal(t, "This will suspend 1 HookPolicies of the cluster, and 1 NamespacedHookPolicies of namespace shop; "+
		"their hooks are taken off 11 pods. Go on?", suspending.question("shop", all))
	assert.Equal(t, "This will resume 0 HookPolicies of the cluster, and 1 NamespacedHookPolicies of all namespaces. Go on?", resuming.question("", all))
}

func TestAPolicyIsWrittenAsAnArgument(t *testing.T) {
	assert.Equal(t, "hp/db", written(match.Ref{Name: "db"}))
	assert.Equal(t, "nhp/db -n shop", written(match.Ref{Namespace: "shop", Name: "db"}))
}
