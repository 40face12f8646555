package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkSpec finds mistakes, with those that the schema refuses as well: a policy may have been stored when the schema was another.
func checkSpec(spec *v1alpha1.HookPolicySpec) error {
	if len(spec.Hooks) == 0 {
		return errors.New("spec.hooks: write at least one hook, with a name, stages and exec.command")
	}
	if err := spec.MaxQuiesce.Check(v1alpha1.LeastMaxQuiesce, v1alpha1.MostMaxQuiesce); err != nil {
		return fmt.Errorf("spec.maxQuiesce: %w", err)
	}
	if !slices.Contains([]v1alpha1.Shell{"", v1alpha1.Posix, v1alpha1.NoShell}, spec.Shell) {
		return fmt.Errorf("spec.shell: %q is none: write Posix or None", spec.Shell)
	}
	for i := range spec.Hooks {
		if err := checkHook(&spec.Hooks[i]); err != nil {
			return fmt.Errorf("spec.hooks[%s]%w", spec.Hooks[i].Name, err)
		}
	}
	return nil
}

// checkHook starts its errors with the rest of the field's path.
func checkHook(hook *v1alpha1.Hook) error {
	switch {
	case hook.Exec == nil:
		return errors.New(": write exactly one action: exec")
	case len(hook.Exec.Command) == 0 || hook.Exec.Command[0] == "":
		return errors.New(".exec.command: write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]")
	case strings.HasPrefix(hook.Exec.Command[0], "-"):
		return fmt.Errorf(".exec.command[0]: %q is an option and not a program: write the program ahead of it, such as [sh, %[1]s]", hook.Exec.Command[0])
	case len(hook.Stages) == 0 || slices.ContainsFunc(hook.Stages, unknown):
		return fmt.Errorf(".stages: %q: write at least one stage, and none but PreBackup, PreSnapshot, PostSnapshot or PostBackup", hook.Stages)
	case !slices.Contains([]v1alpha1.OnError{"", v1alpha1.Fail, v1alpha1.Continue}, hook.OnError):
		return fmt.Errorf(".onError: %q is none: write Fail or Continue", hook.OnError)
	}
	if err := hook.Timeout.Check(1, v1alpha1.MaxTimeout); err != nil {
		return fmt.Errorf(".timeout: %w", err)
	}
	if i := slices.IndexFunc(hook.Exec.Command, func(argument string) bool { return strings.ContainsRune(argument, 0) }); i >= 0 {
		return fmt.Errorf(".exec.command[%d]: it has a NUL character, at which every program would end the argument: leave it out", i)
	}
	return nil
}

func unknown(stage v1alpha1.Stage) bool { return !slices.Contains(v1alpha1.Stages, stage) }
