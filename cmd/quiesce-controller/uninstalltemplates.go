package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/delivery"
)

// removeTemplates takes away the templates that were delivered, that nobody has changed, and that no policy uses.
func (u *uninstaller) removeTemplates(ctx context.Context) error {
	for {
		gone, err := delivery.Remove(ctx, u.Client)
		if len(gone) > 0 {
			u.say("Removed HookTemplates that nobody uses: %s", strings.Join(gone, ", "))
		}
		if err == nil {
			return nil
		}
		if !pause(ctx, poll) {
			return fmt.Errorf("the time limit has passed, and HookTemplates are left that nobody uses: run this again: %w", err)
		}
	}
}
