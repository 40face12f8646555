package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/release"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// letGo lets Backups and Restores of Velero go that are held, unquiesced, and ends those that were refused: without Quiesce nobody else
// would, and Velero could begin none of them.
func (u *uninstaller) letGo(ctx context.Context) (release.Outcome, error) {
	outcome, err := (&release.Releaser{Client: u.Client}).Open(ctx, "Quiesce is being uninstalled")
	if len(outcome.Opened) > 0 {
		u.say("Let go, without being quiesced: %s", someOf(outcome.Opened))
	}
	if len(outcome.Failed) > 0 {
		u.say("Ended, since a hook of before had failed: %s", someOf(outcome.Failed))
	}
	return outcome, err
}

// letGoOf lets go what the sessions among some are for that are about to be cancelled: the controller would take that for a failure,
// and have it fail. It comes after the sessions have been listed, so that what any of them is for is held by now or has been let go.
func (u *uninstaller) letGoOf(ctx context.Context, sessions []v1alpha1.HookSession) {
	if !slices.ContainsFunc(sessions, func(session v1alpha1.HookSession) bool {
		return session.Spec.Velero != nil && session.Spec.Velero.Held && !session.Spec.Cancel
	}) {
		return
	}
	if _, err := u.letGo(ctx); err != nil {
		u.say("What Velero has waiting could not be let go yet: %v", err)
	}
}

// letGoOfTheRest lets go what is held when there is no controller any more, until there is nothing, and nothing can have come since the
// webhook is not called.
func (u *uninstaller) letGoOfTheRest(ctx context.Context, uncalled time.Time) error {
	for {
		start := time.Now()
		outcome, err := u.letGo(ctx)
		if err == nil && outcome.Nothing() && start.After(uncalled) {
			return nil
		}
		if !pause(ctx, poll) {
			if err == nil {
				return fmt.Errorf("the time limit has passed, and Velero may have Backups or Restores waiting with the annotation %s=%s: run this again",
					v1alpha1.GateAnnotation, v1alpha1.GateHeld)
			}
			return fmt.Errorf("the time limit has passed, and Velero has Backups or Restores waiting that could not be let go: run this again: %w", err)
		}
	}
}

// someOf names the first of some things in a sentence.
func someOf(names []string) string {
	sentence := strings.Join(names[:min(len(names), named)], ", ")
	if more := len(names) - named; more > 0 {
		sentence += fmt.Sprintf(" and %d more", more)
	}
	return sentence
}
