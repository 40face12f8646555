package gate

import (
	"cmp"
	"slices"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Entry is a Backup that has yet to end, among those of its Velero.
type Entry struct {
	Name    string
	Created time.Time
	Phase   string
	Mark    string
	// Quiescing: it has sessions in this attempt.
	Quiescing bool
	// Pausing: it was held again a moment ago, and lets others pass.
	Pausing bool
	// Returning: it was held again from ReadyToStart, and goes back there. Velero may keep a slot for it, behind which others wait.
	Returning bool
	// Elsewhere: it is another Velero's, whose slots are its own.
	Elsewhere bool
	// Namespaces that it has anything of.
	Namespaces map[string]bool
}

// waits tells whether a Backup is held, and nothing is being quiesced for it.
func (e *Entry) waits() bool {
	return e.Mark == v1alpha1.GateHeld && velero.MayBeHeld(e.Phase) && !e.Quiescing
}

// running tells whether a Backup takes a slot of Velero's (velero: pkg/controller/backup_tracker.go, RunningCount).
func (e *Entry) running() bool { return e.Phase == velero.ReadyToStart || e.Phase == velero.InProgress }

// Turns says of each held Backup, by its name, for what it waits before its pods may be quiesced, in a few words: for a free slot of
// Velero's, of which there are so many, or for a Backup of the same namespaces (velero: pkg/controller/backup_queue_controller.go). It is
// absent where it is its turn. Those that wait come in the order in which they were created; one that waits for its namespaces lets others
// pass that have nothing in common with it. A Backup of another Velero that has pods of theirs is waited for too: of two whose sessions have
// some of the pods each, and wait for the others, neither would ever be ready.
func Turns(entries []Entry, slots int) map[string]string {
	var ahead, waiting []*Entry // ahead is what comes before the waiting ones, whether it can run by now or not
	var elsewhere []*Entry
	taken := 0
	for i := range entries {
		entry := &entries[i]
		switch {
		case entry.Elsewhere:
			if entry.Quiescing && velero.Ongoing(entry.Phase) {
				elsewhere = append(elsewhere, entry)
			}
		case !velero.Ongoing(entry.Phase) || entry.Mark == v1alpha1.GateRefused && velero.MayBeHeld(entry.Phase):
		case entry.waits() && !entry.Returning:
			if !entry.Pausing {
				waiting = append(waiting, entry)
			}
		default:
			ahead = append(ahead, entry)
		}
	}
	for _, entry := range ahead {
		if entry.running() || !slices.ContainsFunc(ahead, func(other *Entry) bool { return other.running() && overlap(other, entry) }) {
			taken++
		}
	}
	slices.SortFunc(waiting, func(a, b *Entry) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	turns := map[string]string{}
	shares := func(with *Entry) string { return "Backup " + with.Name + ", which has namespaces in common with it" }
	for _, entry := range ahead {
		if !entry.waits() {
			continue
		}
		if i := slices.IndexFunc(ahead, func(other *Entry) bool { return other.running() && overlap(other, entry) }); i >= 0 {
			turns[entry.Name] = shares(ahead[i])
		} else if i := slices.IndexFunc(elsewhere, func(other *Entry) bool { return overlap(other, entry) }); i >= 0 {
			turns[entry.Name] = shares(elsewhere[i])
		}
	}
	for _, entry := range waiting {
		shared := func(other *Entry) bool { return overlap(other, entry) }
		switch i, j := slices.IndexFunc(ahead, shared), slices.IndexFunc(elsewhere, shared); {
		case i >= 0:
			turns[entry.Name] = shares(ahead[i])
		case j >= 0:
			turns[entry.Name] = shares(elsewhere[j])
		case taken >= slots:
			turns[entry.Name] = "a free slot of Velero's"
			taken++
		default:
			taken++
		}
		ahead = append(ahead, entry)
	}
	return turns
}

func overlap(a, b *Entry) bool {
	if len(b.Namespaces) < len(a.Namespaces) {
		a, b = b, a
	}
	for namespace := range a.Namespaces {
		if b.Namespaces[namespace] {
			return true
		}
	}
	return false
}
