package stamp

import (
	"github.com/quiesce-io/quiesce/hooks/chain"
	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// command is the argv by which Velero can run a hook in a container, if there is one: a script is an argument of its interpreter.
func command(hook *v1alpha1.Hook) (argv []string, can bool) {
	switch {
	case hook.Exec != nil:
		return hook.Exec.Command, true
	case hook.Script == nil:
		return nil, false
	}
	argv, can = library.CommandLine(hook.Script)
	size := 0
	for _, word := range argv {
		size += len(word)
	}
	return argv, can && size <= chain.MaxScriptBytes
}

// whyNoCommand says, behind "has a script", why there is no command for one.
func whyNoCommand(action *v1alpha1.ScriptAction) string {
	if library.HasSecret(action) {
		return "with a Secret, which is not to stand in annotations"
	}
	if _, can := script.Inline(action.Inline, nil, nil); !can {
		interpreter, err := script.Parse(action.Inline)
		if err != nil {
			return "of which the text is not known"
		}
		return "for " + interpreter.String() + ", which is not known to take one as an argument, as sh -c does"
	}
	return "that with its arguments and variables is larger than 96 KiB, which is too much for a command line"
}
