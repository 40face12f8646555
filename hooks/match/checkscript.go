package match

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	maxScriptArgs = 128
	maxScriptEnv  = 64
)

// shellsOwn are variables that some shells keep for themselves: giving them another value ends the shell.
var shellsOwn = []string{"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"}

// checkScript checks a script hook. Of one with a name, inline is what the library has put there, or nothing yet.
func checkScript(action *v1alpha1.ScriptAction, shell v1alpha1.Shell) error {
	switch {
	case action.Name == "" && action.Inline == "":
		return errors.New(": write the name of a HookScript, or the script itself in inline")
	case shell == v1alpha1.NoShell:
		return errors.New(": it is handed to its interpreter by /bin/sh, and shell: None says that the containers have none: " +
			"write shell: Posix where they have, or exec with a program of theirs")
	case action.Name != "" && len(validation.IsDNS1123Subdomain(action.Name)) > 0:
		return fmt.Errorf(".name: %q: write the name of a HookScript, such as verify-db", action.Name)
	case len(action.Args) > maxScriptArgs:
		return fmt.Errorf(".args: it has %d: write %d at most", len(action.Args), maxScriptArgs)
	case len(action.Env) > maxScriptEnv:
		return fmt.Errorf(".env: it has %d: write %d at most", len(action.Env), maxScriptEnv)
	}
	if action.Inline != "" {
		if err := script.Check(action.Inline); err != nil {
			if action.Name != "" {
				return fmt.Errorf(".name: HookScript %q: %w", action.Name, err)
			}
			return fmt.Errorf(".inline: %w", err)
		}
	}
	if err := checkWords(".args", action.Args); err != nil {
		return err
	}
	for i := range action.Env {
		if err := checkScriptVariable(action.Env, i); err != nil {
			return fmt.Errorf(".env[%s]%w", action.Env[i].Name, err)
		}
	}
	return nil
}

func checkScriptVariable(env []v1alpha1.ScriptVariable, i int) error {
	variable := &env[i]
	switch {
	case len(validation.IsCIdentifier(variable.Name)) > 0:
		return fmt.Errorf(".name: %q: write letters, digits and underscores, such as PGUSER", variable.Name)
	case slices.Contains(shellsOwn, variable.Name):
		return fmt.Errorf(".name: shells keep %s for themselves: choose another name", variable.Name)
	case slices.ContainsFunc(env[:i], func(other v1alpha1.ScriptVariable) bool { return other.Name == variable.Name }):
		return errors.New(".name: it is there twice: leave one of them out")
	case hasNUL(variable.Value):
		return errors.New(".value: it has a NUL character, which no variable can have: leave it out")
	case variable.Value != "" && variable.ValueFrom != nil:
		return errors.New(": write value or valueFrom, not both")
	}
	return checkValueSource(variable.ValueFrom)
}

// checkValueSource checks where a value comes from, if it comes from elsewhere.
func checkValueSource(source *v1alpha1.ValueSource) error {
	if source == nil {
		return nil
	}
	if err := checkKeyRef(".secretKeyRef", "Secret", source.SecretKeyRef.Name, source.SecretKeyRef.Key); err != nil {
		return fmt.Errorf(".valueFrom%w", err)
	}
	return nil
}
