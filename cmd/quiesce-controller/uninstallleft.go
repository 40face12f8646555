package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sayWhatIsLeft says which pods a session that is not over may leave quiesced, and how they are thawed.
func (u *uninstaller) sayWhatIsLeft(ctx context.Context, session *v1alpha1.HookSession) {
	name := fmt.Sprintf("HookSession %s/%s", session.Namespace, session.Name)
	var runs v1alpha1.HookRunList
	err := u.List(ctx, &runs, client.InNamespace(session.Namespace), client.MatchingLabels{v1alpha1.SessionUIDLabel: string(session.UID)})
	if err != nil {
		u.say("%s is not over, and which of its pods are quiesced cannot be told: look after all pods of the namespace: %v", name, err)
		return
	}
	pods, commands := left(session, runs.Items)
	if len(pods) == 0 {
		u.say("%s is not over, and leaves nothing quiesced", name)
		return
	}
	until := "when maxQuiesce of their policy passes"
	if window := session.Status.Window; window != nil && window.Deadline != nil {
		until = "at " + window.Deadline.UTC().Format(time.RFC3339)
	}
	u.say("%s is not over, and may leave %s of namespace %s quiesced. Their watchdogs thaw them %s, where the policy has shell Posix; "+
		"what holds have locked was unlocked with the end of the controller", name, list(pods), session.Namespace, until)
	if len(commands) > 0 {
		u.say("To thaw them at once, run:")
	}
	for _, command := range commands {
		u.say("  %s", command)
	}
}

// left are the pods that a session may leave quiesced, and the commands that thaw them, in the order of its hooks: of what is no
// command, the hook is named.
func left(session *v1alpha1.HookSession, items []v1alpha1.HookRun) (pods, commands []string) {
	r := record.Record{Session: session}
	for i := range items {
		r.Runs = append(r.Runs, &items[i])
	}
	slices.SortFunc(r.Runs, func(a, b *v1alpha1.HookRun) int { return int(a.Spec.Order - b.Spec.Order) })
	quiesced := r.Quiesced()
	for _, run := range r.Runs {
		hook := &run.Spec.Hook
		if !record.Thaws(run) || hook.Hold != nil {
			continue
		}
		undoes := r.Undoes(run)
		for i := range run.Spec.Pods {
			pod := &run.Spec.Pods[i]
			if _, is := quiesced[pod.UID]; !is || !undoes(pod.UID) {
				continue
			}
			if hook.Exec == nil {
				commands = append(commands, fmt.Sprintf("hook %s of %s for pod %s", hook.Name, record.PolicyOf(run), pod.Name))
				continue
			}
			commands = append(commands, fmt.Sprintf("kubectl -n %s exec %s -c %s -- %s", run.Namespace, pod.Name, pod.Container, quoted(hook.Exec.Command)))
		}
	}
	return slices.Sorted(maps.Values(quiesced)), commands
}

// quoted is a command as one line for a shell.
func quoted(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = word
		if word == "" || strings.ContainsFunc(word, special) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// special tells whether a character may mean something to a shell.
func special(character rune) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@%+"
	return !strings.ContainsRune(plain, character)
}
