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
		return errors.New("spec.hooks: write at least one hook, with a name, stages, and exec or init")
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
	if err := checkAction(hook); err != nil {
		return err
	}
	if !slices.Contains([]v1alpha1.OnError{"", v1alpha1.Fail, v1alpha1.Continue}, hook.OnError) {
		return fmt.Errorf(".onError: %q is none: write Fail or Continue", hook.OnError)
	}
	if err := hook.Timeout.Check(1, v1alpha1.MaxTimeout); err != nil {
		return fmt.Errorf(".timeout: %w", err)
	}
	return nil
}

// checkAction checks what a hook does, and that it does it in stages that know it.
func checkAction(hook *v1alpha1.Hook) error {
	switch {
	case (hook.Exec == nil) == (hook.Init == nil):
		return errors.New(": write exactly one action: exec or init")
	case len(hook.Stages) == 0:
		return errors.New(".stages: write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup or PostRestore")
	case hook.Init != nil:
		if slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return stage != v1alpha1.PostRestore }) {
			return fmt.Errorf(".stages: %q: init containers are for restored pods: write [PostRestore]", hook.Stages)
		}
		return checkInit(hook.Init)
	case slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return !slices.Contains(v1alpha1.BackupStages, stage) }):
		return fmt.Errorf(".stages: %q: exec runs before and after backups: write none but PreBackup, PreSnapshot, PostSnapshot and PostBackup", hook.Stages)
	}
	return checkExec(hook.Exec)
}

func checkExec(exec *v1alpha1.ExecAction) error {
	switch {
	case len(exec.Command) == 0 || exec.Command[0] == "":
		return errors.New(".exec.command: write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]")
	case strings.HasPrefix(exec.Command[0], "-"):
		return fmt.Errorf(".exec.command[0]: %q is an option and not a program: write the program ahead of it, such as [sh, %[1]s]", exec.Command[0])
	}
	return checkWords(".exec.command", exec.Command)
}

// checkWords checks what becomes the arguments of a program.
func checkWords(field string, words []string) error {
	if i := slices.IndexFunc(words, hasNUL); i >= 0 {
		return fmt.Errorf("%s[%d]: it has a NUL character, at which every program would end the argument: leave it out", field, i)
	}
	return nil
}

func hasNUL(text string) bool { return strings.ContainsRune(text, 0) }
