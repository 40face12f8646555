package webhook

import (
	"flag"
	"fmt"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// GateOptions say whether Velero's Backups and Restores wait, and for how long without a controller.
type GateOptions struct {
	// Enabled is true where they are made to wait for what policies have to run before them.
	Enabled bool
	// GoneAfter is how long no controller must have led until what waits is let go, and GoneAs what it becomes then: GateOpen, or
	// GateRefused.
	GoneAfter time.Duration
	GoneAs    string
}

// leastGoneAfter leaves the controllers of a roll-out, and their next leader, the time that they take.
const leastGoneAfter = 30 * time.Second

// BindFlags adds the options to a program's flags.
func (o *GateOptions) BindFlags(flags *flag.FlagSet) {
	o.GoneAfter, o.GoneAs = 5*time.Minute, v1alpha1.GateOpen
	flags.BoolVar(&o.Enabled, "velero-gate", true, "have Backups and Restores of Velero wait until their pods are quiesced, where policies ask for it")
	flags.Func("controller-gone-after", "how long no controller must have led until Backups and Restores that wait are let go, from 30s (default 5m)",
		func(value string) error {
			after, err := time.ParseDuration(value)
			if err != nil || after < leastGoneAfter {
				return fmt.Errorf("got %q, write a duration of %s or more", value, leastGoneAfter)
			}
			o.GoneAfter = after
			return nil
		})
	flags.Func("controller-gone-action", "Open: they then go on unquiesced; Refuse: they fail (default Open)", func(value string) error {
		switch value {
		case "Open":
			o.GoneAs = v1alpha1.GateOpen
		case "Refuse":
			o.GoneAs = v1alpha1.GateRefused
		default:
			return fmt.Errorf("got %q, write Open or Refuse", value)
		}
		return nil
	})
}
