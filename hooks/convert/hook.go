package convert

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// execHook is a command as Velero's hooks have it.
type execHook struct {
	Container string          `json:"container"`
	Command   []string        `json:"command"`
	OnError   string          `json:"onError"`
	Timeout   metav1.Duration `json:"timeout"`
}

const (
	maxWords       = 128   // of a command, as the schema has it
	maxWord        = 32768 // characters of each
	maxWaitTimeout = time.Hour
)

// exec takes a command, and tells whether a policy may have it.
func (d *draft) exec(s side, name string, e *execHook, notes comments) {
	switch {
	case len(e.Command) == 0 || e.Command[0] == "":
		d.drop(s, "Hook %s is left out: it has no command, with which it fails in Velero too.", name)
		return
	case e.Container != "" && len(validation.IsDNS1123Label(e.Container)) > 0:
		d.drop(s, "Hook %s is left out: no container can be called %s, with which it fails in Velero too.", name, quoted(e.Container))
		return
	}
	if why := tooMuch(e.Command); why != "" {
		d.drop(s, "Hook %s is left out: %s. Write it as a script, by script.inline or a HookScript.", name, why)
		return
	}
	if len(e.Command) == 1 && strings.ContainsAny(e.Command[0], " \t\n") {
		notes.add(fieldCommand, "Velero takes this as the name of one program, blanks and all, since no shell is there to split it. Kept as it is; what was meant is a list, "+
			"such as [/bin/sh, -c, ...] with the line at the end.")
	}
	hook := v1alpha1.Hook{Name: name, Container: e.Container, Exec: &v1alpha1.ExecAction{Command: e.Command}, OnError: onError(e.OnError, notes)}
	hook.Timeout.Duration = timeout(e.Timeout.Duration, notes)
	d.add(hookDraft{hook: hook, side: s, comments: notes})
}

// tooMuch says what of a command is more than a policy takes; empty for nothing.
func tooMuch(words []string) string {
	if len(words) > maxWords {
		return "a command may have " + strconv.Itoa(maxWords) + " words, and it has " + strconv.Itoa(len(words))
	}
	for _, word := range words {
		if utf8.RuneCountInString(word) > maxWord {
			return "a word of a command may have " + strconv.Itoa(maxWord) + " characters"
		}
	}
	return ""
}

// onError is always said: empty is Continue to Velero, whatever its documentation says (velero: internal/hook/item_hook_handler.go compares
// with Fail before pkg/podexec sets its default on a copy), and Fail to Quiesce.
func onError(given string, notes comments) v1alpha1.OnError {
	switch given {
	case string(v1alpha1.Fail):
		return v1alpha1.Fail
	case "", string(v1alpha1.Continue):
	default:
		notes.add(fieldOnError, "It was %s, which Velero takes for Continue. What was meant may be Fail.", quoted(given))
	}
	return v1alpha1.Continue
}

// timeout of a command: zero is Velero's default, which is ours, and below zero it waits without end (velero: pkg/podexec/pod_command_executor.go).
func timeout(given time.Duration, notes comments) time.Duration {
	switch {
	case given < 0:
		notes.add(fieldTimeout, "It was %s, with which Velero waits without end. %s is the most here.", given, short(v1alpha1.MaxTimeout))
		return v1alpha1.MaxTimeout
	case given > v1alpha1.MaxTimeout:
		notes.add(fieldTimeout, "It was %s. %s is the most here: if the command needs longer, have it start its work and return, and another hook wait for it.",
			short(given), short(v1alpha1.MaxTimeout))
		return v1alpha1.MaxTimeout
	case given > 0:
		return whole(given, fieldTimeout, notes)
	}
	return 0
}

// whole rounds up to milliseconds, the smallest unit of a policy.
func whole(given time.Duration, field string, notes comments) time.Duration {
	rounded := (given + time.Millisecond - 1).Truncate(time.Millisecond)
	if rounded != given {
		notes.add(field, "It was %s, rounded up to milliseconds.", given)
	}
	return rounded
}

// short is a duration without the zeros at its end: 25m rather than 25m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// title is the name of a hook: its side, and its number where there are several.
func title(name string, place, all int) string {
	if all < 2 {
		return name
	}
	return name + "-" + strconv.Itoa(place+1)
}
