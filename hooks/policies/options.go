package policies

import (
	"flag"
	"fmt"
)

// Options are the settings on which compiled policies depend.
type Options struct {
	// NativeSidecars is true where the Velero in use runs hooks in native sidecars.
	NativeSidecars bool
	// Override makes our annotations win over the hooks of Schedules and Backups, which are then not even looked at.
	Override bool
}

// BindFlags adds the options to a program's flags.
func (o *Options) BindFlags(flags *flag.FlagSet) {
	flags.BoolVar(&o.NativeSidecars, "velero-native-sidecars", false,
		"stamp hooks for native sidecars, too: only where the Velero in use runs them there, as those up to 1.18 do not")
	flags.Func("velero-backup-hooks",
		"Yield: pods covered by a Schedule or Backup with spec.hooks are not stamped, since annotations silence those; Override: they are (default Yield)",
		func(value string) error {
			switch value {
			case "Yield":
				o.Override = false
			case "Override":
				o.Override = true
			default:
				return fmt.Errorf("got %q, write Yield or Override", value)
			}
			return nil
		})
}
