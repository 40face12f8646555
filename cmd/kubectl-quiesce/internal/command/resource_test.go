package command

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsPrintedAsANameIsTakenForOne(t *testing.T) {
	for argument, of := range map[string]Resource{
		"x": Sessions, "hooksession/x": Sessions, "hooksession.quiesce.io/x": Sessions, "hooksessions.v1alpha1.quiesce.io/x": Sessions, "HookSession/x": Sessions,
		"session/x": Sessions, "hses/x": Sessions, "hookscript.quiesce.io/x": Scripts, "hs/x": Scripts, "ht/x": Templates, "pod/x": Pods, "pods/x": Pods,
	} {
		name, err := of.NameOf(argument)
		require.NoError(t, err, argument)
		assert.Equal(t, "x", name, argument)
	}
	for argument, want := range map[string]string{
		"pod/x":                    `"pod/x" names no HookSession: write NAME, or hooksession/NAME`,
		"hooksession/":             `"hooksession/" names no HookSession: write NAME, or hooksession/NAME`,
		"hooksession/x/y":          `"hooksession/x/y" names no HookSession: write NAME, or hooksession/NAME`,
		"hooksession.example.io/x": `"hooksession.example.io/x" names no HookSession: write NAME, or hooksession/NAME`,
		"":                         "a name is empty: write the NAME of a HookSession",
	} {
		_, err := Sessions.NamesOf([]string{"fine", argument})
		require.EqualError(t, err, want)
	}
}

func TestAPolicyIsNamedByItsNameWhateverIsAheadOfIt(t *testing.T) {
	for _, argument := range []string{"db", "shop/db", "nhp/db", "hookpolicy.quiesce.io/db"} {
		assert.Equal(t, "db", PolicyName(argument))
	}
}
