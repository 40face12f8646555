package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// checkSpec finds mistakes, with those that the schema refuses as well: a policy may have been stored when the schema was another.
func checkSpec(spec *v1alpha1.HookPolicySpec) (mistakes []error) {
	if len(spec.Hooks) == 0 && spec.Template == nil {
		mistakes = append(mistakes, errors.New("spec.hooks: write at least one hook, with a name, stages and an action, or template with the name of a HookTemplate"))
	}
	if err := checkTemplate(spec.Template); err != nil {
		mistakes = append(mistakes, fmt.Errorf("spec.template%w", err))
	}
	if err := spec.MaxQuiesce.Check(v1alpha1.LeastMaxQuiesce, v1alpha1.MostMaxQuiesce); err != nil {
		mistakes = append(mistakes, fmt.Errorf("spec.maxQuiesce: %w", err))
	}
	if !slices.Contains([]v1alpha1.Shell{"", v1alpha1.Posix, v1alpha1.NoShell}, spec.Shell) {
		mistakes = append(mistakes, fmt.Errorf("spec.shell: %q is none: write Posix or None", spec.Shell))
	}
	if !slices.Contains([]v1alpha1.VeleroMode{"", v1alpha1.VeleroStamp, v1alpha1.VeleroSession}, spec.Velero.Mode) {
		mistakes = append(mistakes, fmt.Errorf("spec.velero.mode: %q is none: write Stamp or Session", spec.Velero.Mode))
	}
	for i := range spec.Hooks {
		if err := checkHook(&spec.Hooks[i], spec.Shell); err != nil {
			mistakes = append(mistakes, fmt.Errorf("spec.hooks[%s]%w", spec.Hooks[i].Name, err))
		}
	}
	return mistakes
}

// checkHook starts its errors with the rest of the field's path.
func checkHook(hook *v1alpha1.Hook, shell v1alpha1.Shell) error {
	if err := checkAction(hook, shell); err != nil {
		return err
	}
	if !slices.Contains([]v1alpha1.OnError{"", v1alpha1.Fail, v1alpha1.Continue}, hook.OnError) {
		return fmt.Errorf(".onError: %q is none: write Fail or Continue", hook.OnError)
	}
	if err := hook.Timeout.Check(1, v1alpha1.MaxTimeout); err != nil {
		return fmt.Errorf(".timeout: %w", err)
	}
	return checkConduct(hook)
}

// checkAction checks what a hook does, and that it does it in stages that know it.
func checkAction(hook *v1alpha1.Hook, shell v1alpha1.Shell) error {
	given := count(hook.Exec != nil, hook.Script != nil, hook.Hold != nil, hook.HTTPGet != nil, hook.HTTPPost != nil, hook.TCPSocket != nil,
		hook.Job != nil, hook.Init != nil)
	switch {
	case given != 1:
		return errors.New(": write exactly one action: exec, script, hold, httpGet, httpPost, tcpSocket, job or init")
	case len(hook.Stages) == 0:
		return errors.New(".stages: write at least one stage: PreBackup, PreSnapshot, PostSnapshot, PostBackup, PreRestore or PostRestore")
	case slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return !slices.Contains(v1alpha1.Stages, stage) }):
		return fmt.Errorf(".stages: %q: write none but PreBackup, PreSnapshot, PostSnapshot, PostBackup, PreRestore and PostRestore", hook.Stages)
	case hook.Init != nil:
		if slices.ContainsFunc(hook.Stages, func(stage v1alpha1.Stage) bool { return stage != v1alpha1.PostRestore }) {
			return fmt.Errorf(".stages: %q: init containers are for restored pods: write [PostRestore]", hook.Stages)
		}
		return checkInit(hook.Init)
	case hook.Hold != nil:
		if len(hook.Stages) != 1 || hook.Stages[0] != v1alpha1.PreBackup && hook.Stages[0] != v1alpha1.PreSnapshot {
			return fmt.Errorf(".stages: %q: a hold begins in one stage and ends in its counterpart after it: write [PreBackup] or [PreSnapshot]", hook.Stages)
		}
		return checkHold(hook.Hold)
	case hook.Job != nil:
		return checkJob(hook.Job)
	case hook.HTTPGet != nil, hook.HTTPPost != nil, hook.TCPSocket != nil:
		return checkRequest(hook)
	case hook.Script != nil:
		if err := checkScript(hook.Script, shell); err != nil {
			return fmt.Errorf(".script%w", err)
		}
		return nil
	case hook.Exec != nil:
		return checkCommand(".exec.command", hook.Exec.Command)
	}
	return nil
}

func checkHold(hold *v1alpha1.HoldAction) error {
	if err := checkCommand(".hold.command", hold.Command); err != nil {
		return err
	}
	if hold.ReadyPattern == "" {
		return errors.New(".hold.readyPattern: write a regular expression for the line that the command writes when it holds, such as ^held$")
	}
	if _, err := Expression(hold.ReadyPattern); err != nil {
		return fmt.Errorf(".hold.readyPattern: %w: write one as https://github.com/google/re2/wiki/Syntax has it", err)
	}
	return nil
}

func checkCommand(field string, command []string) error {
	switch {
	case len(command) == 0 || command[0] == "":
		return fmt.Errorf("%s: write the program and its arguments as a list, such as [psql, -c, CHECKPOINT]", field)
	case strings.HasPrefix(command[0], "-"):
		return fmt.Errorf("%s[0]: %q is an option and not a program: write the program ahead of it, such as [sh, %[2]s]", field, command[0])
	}
	return checkWords(field, command)
}

// checkWords checks what becomes the arguments of a program.
func checkWords(field string, words []string) error {
	if i := slices.IndexFunc(words, hasNUL); i >= 0 {
		return fmt.Errorf("%s[%d]: it has a NUL character, at which every program would end the argument: leave it out", field, i)
	}
	return nil
}

func hasNUL(text string) bool { return strings.ContainsRune(text, 0) }
