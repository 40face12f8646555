package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// world is a cluster that is made up, with a Velero of a few slots and a controller: both die between any two steps, and what they have not
// written is lost. Velero decides on what it saw some time ago, and writes blindly; admission keeps it from letting a held Backup pass.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	now     time.Time
	slots   int
	backups []*backup

	controllerUp, veleroUp bool
	upSince                time.Time // of the controller
	tracker                map[string]bool
	moves                  []move // that Velero has decided on and not written
	settings               Settings
	calm                   bool // nothing dies or fails any more
	began                  int
}

// backup is a Backup with its sessions, those of the attempts before included.
type backup struct {
	name                  string
	created               time.Time
	namespaces            []string
	marked                bool // at its creation
	mark, message         string
	since                 time.Time
	attempt               int
	phase                 string
	phaseSince, seenSince time.Time // seenSince is as the controller remembers it
	touched               time.Time
	returns               bool
	notices               bool // Velero has an event of it that it has not looked at
	endsAt                time.Time
	sessions              []*session
}

type session struct {
	Session
	attempt int
	readyAt time.Time
	fails   bool
	thawAt  time.Time // of one that is over
}

// move is what Velero is about to write.
type move struct {
	backup   *backup
	from, to string
	at       time.Time
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 7)), now: noon, upSince: noon, controllerUp: true, veleroUp: true, tracker: map[string]bool{},
		settings: Settings{StartGrace: 15 * time.Second},
	}
	w.slots = 1 + w.rand.IntN(2)
	for i := range 2 + w.rand.IntN(4) {
		b := &backup{
			name: fmt.Sprintf("b%d", i), created: noon.Add(time.Duration(w.rand.IntN(20)) * time.Second), attempt: 1, marked: w.rand.IntN(4) > 0, notices: true,
		}
		for _, namespace := range []string{"shop", "bank", "mail"} {
			if w.rand.IntN(2) == 0 {
				b.namespaces = append(b.namespaces, namespace)
			}
		}
		if b.marked = b.marked && len(b.namespaces) > 0; b.marked {
			b.mark, b.since = v1alpha1.GateHeld, b.created
		}
		w.backups = append(w.backups, b)
	}
	return w
}

func (w *world) chance(of float64) bool { return !w.calm && w.rand.Float64() < of }

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) there() []*backup {
	return slices.DeleteFunc(slices.Clone(w.backups), func(b *backup) bool { return b.created.After(w.now) })
}

// view is what the controller sees of a Backup.
func (w *world) view(b *backup) View {
	v := View{
		Now: w.now, Mark: b.mark, Since: b.since, Attempt: b.attempt, Phase: b.phase, PhaseSince: b.seenSince, Touched: b.touched,
		Known: true, Quiesces: b.marked, Message: b.message, Returns: b.returns,
	}
	for _, s := range b.current() {
		v.Sessions = append(v.Sessions, s.Session)
	}
	for _, namespace := range b.namespaces {
		if !slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Namespace == namespace }) {
			v.Missing = append(v.Missing, namespace)
		}
	}
	v.Blocked = Turns(w.entries(), w.slots)[b.name]
	return v
}

func (w *world) entries() []Entry {
	var entries []Entry
	for _, b := range w.there() {
		entry := Entry{
			Name: b.name, Created: b.created, Phase: b.phase, Mark: b.mark, Quiescing: len(b.current()) > 0, Returning: b.returns,
			Pausing: w.now.Before(b.since.Add(Pause(b.attempt))), Namespaces: map[string]bool{},
		}
		for _, namespace := range b.namespaces {
			entry.Namespaces[namespace] = true
		}
		entries = append(entries, entry)
	}
	return entries
}

func (b *backup) current() []*session {
	return slices.DeleteFunc(slices.Clone(b.sessions), func(s *session) bool { return s.attempt != b.attempt })
}

// setPhase is what anybody writes.
func (w *world) setPhase(b *backup, phase string) {
	b.phase, b.phaseSince, b.seenSince = phase, w.now, w.now
}

// control lets the controller look at a Backup, and perhaps die over it.
func (w *world) control(b *backup) {
	for _, s := range b.sessions { // of earlier attempts
		if s.attempt != b.attempt {
			w.cancel(s)
		}
	}
	v := w.view(b)
	d := Next(&v, w.settings)
	switch d.Action {
	case Quiesce, Accompany:
		for _, namespace := range v.Missing {
			b.sessions = append(b.sessions, w.newSession(b, namespace, d.Action == Quiesce))
			if w.chance(.05) {
				w.controllerUp = false
				return
			}
		}
	case Open:
		w.checkOpen(b)
		w.mark(b, v1alpha1.GateOpen, d.Message)
		if b.returns {
			b.returns = false
			w.setPhase(b, velero.ReadyToStart)
		}
	case Refuse:
		w.mark(b, v1alpha1.GateRefused, d.Message)
	case Fail:
		require.Equal(w.t, v1alpha1.GateRefused, b.mark)
		for _, s := range b.current() {
			w.cancel(s)
		}
		if w.chance(.3) {
			w.controllerUp = false
			return
		}
		w.setPhase(b, velero.Failed)
	case HoldAgain:
		require.True(w.t, b.marked, "others are not held")
		b.returns = b.phase == velero.ReadyToStart
		b.attempt++
		w.mark(b, v1alpha1.GateHeld, d.Message)
		w.setPhase(b, velero.New)
	case Unqueue:
		w.setPhase(b, velero.New)
	case Touch:
		require.Equal(w.t, velero.ReadyToStart, b.phase)
		b.touched = w.now
	case Cancel:
		for _, s := range b.current() {
			if slices.ContainsFunc(d.Cancel, func(other Session) bool { return other.Name == s.Name }) {
				w.cancel(s)
			}
		}
	case Wait:
		return
	}
	b.notices = w.veleroUp
}

func (w *world) mark(b *backup, mark, message string) {
	require.NotEqual(w.t, v1alpha1.GateRefused, b.mark, "what is refused stays so")
	b.mark, b.message, b.since = mark, message, w.now
}

// checkOpen is the reason for all this.
func (w *world) checkOpen(b *backup) {
	if !velero.MayBeHeld(b.phase) {
		return
	}
	for _, namespace := range b.namespaces {
		i := slices.IndexFunc(b.current(), func(s *session) bool { return s.Namespace == namespace && s.Begun && s.Failed == "" && !s.Cancelled })
		require.GreaterOrEqual(w.t, i, 0, "%s is let go while namespace %s is not ready", b.name, namespace)
	}
}

func (w *world) newSession(b *backup, namespace string, held bool) *session {
	s := &session{attempt: b.attempt, fails: w.chance(.1), readyAt: w.now.Add(time.Duration(w.rand.IntN(8000)) * time.Millisecond)}
	s.Namespace, s.Name, s.Held = namespace, fmt.Sprintf("%s-%d-%s", b.name, b.attempt, namespace), held
	return s
}

func (w *world) cancel(s *session) {
	if !s.Cancelled && !s.Finished {
		s.Cancelled = true
		s.thawAt = w.now.Add(time.Second)
	}
}

// session is what becomes of a session by itself.
func (w *world) session(b *backup, s *session) {
	switch {
	case s.Finished:
	case s.Cancelled, s.Failed != "", b.phase == velero.Completed, b.phase == velero.Failed:
		if s.thawAt.IsZero() {
			s.thawAt = w.now.Add(time.Second)
		}
		if !w.now.Before(s.thawAt) {
			s.Quiesced, s.Finished = false, true
		}
	case s.Begun || w.now.Before(s.readyAt) || w.claimed(b, s):
	case !s.Held:
		s.Begun = true
	case s.fails:
		s.Used, s.Quiesced, s.Failed = true, true, "a hook failed"
	default:
		s.Used, s.Quiesced, s.Begun = true, true, true
	}
}

// claimed tells whether the pods of a session are another's yet.
func (w *world) claimed(b *backup, s *session) bool {
	for _, other := range w.backups {
		for _, its := range other.sessions {
			if its != s && its.Namespace == s.Namespace && its.Quiesced && s.Held && (other != b || its.attempt != s.attempt) {
				return true
			}
		}
	}
	return false
}

// velero lets Velero look at a Backup, and decide what it will write (velero: pkg/controller/backup_queue_controller.go,
// backup_controller.go).
func (w *world) velero(b *backup) {
	if slices.ContainsFunc(w.moves, func(m move) bool { return m.backup == b }) {
		return
	}
	later := w.now.Add(time.Duration(w.rand.IntN(500)) * time.Millisecond)
	if w.chance(.05) {
		later = w.now.Add(time.Duration(w.rand.IntN(30)) * time.Second) // Velero, or the API server for it, is slow
	}
	switch b.phase {
	case "", velero.New:
		w.moves = append(w.moves, move{b, b.phase, velero.Queued, later})
	case velero.Queued:
		free := len(w.tracker) < w.slots
		for _, other := range w.there() {
			ahead := other.phase == velero.InProgress || other.phase == velero.ReadyToStart || other.phase == velero.Queued && other.phaseSince.Before(b.phaseSince)
			free = free && (other == b || !ahead || !overlapping(b, other))
		}
		if free {
			w.moves = append(w.moves, move{b, b.phase, velero.ReadyToStart, later})
		}
	case velero.ReadyToStart:
		if b.notices {
			w.moves = append(w.moves, move{b, b.phase, velero.InProgress, later})
		}
	case velero.InProgress:
		if !w.now.Before(b.endsAt) {
			w.moves = append(w.moves, move{b, b.phase, velero.Completed, later})
		}
	}
}

func overlapping(a, b *backup) bool {
	return slices.ContainsFunc(a.namespaces, func(namespace string) bool { return slices.Contains(b.namespaces, namespace) })
}

// write is a patch of Velero's that arrives: admission looks at what it finds, and Velero does not.
func (w *world) write(m move) {
	b := m.backup
	before := b.phase
	begins := before != m.to && slices.Contains([]string{velero.Queued, velero.ReadyToStart, velero.InProgress}, m.to) &&
		before != velero.ReadyToStart && before != velero.InProgress
	if begins && (b.mark == v1alpha1.GateHeld || b.mark == v1alpha1.GateRefused) {
		return
	}
	if velero.Ended(before) || m.to == velero.Queued && !velero.Untouched(before) || m.from != before && m.to != velero.InProgress {
		return // a late write beside which Velero has one of its own; it is no part of the gate
	}
	w.setPhase(b, m.to)
	switch m.to {
	case velero.ReadyToStart:
		w.tracker[b.name], b.notices = true, true
	case velero.InProgress:
		require.NotEqual(w.t, v1alpha1.GateRefused, b.mark)
		w.tracker[b.name] = true
		b.endsAt = w.now.Add(time.Duration(w.rand.IntN(20)) * time.Second)
		w.began++
	case velero.Completed:
		delete(w.tracker, b.name)
	}
}

func (w *world) restart() {
	w.tracker, w.moves = map[string]bool{}, nil
	for _, b := range w.backups {
		b.notices = false
		if b.phase == velero.InProgress {
			w.setPhase(b, velero.Failed)
		}
	}
}

// check is what must hold at any time.
func (w *world) check() {
	for _, b := range w.there() {
		if b.phase == velero.ReadyToStart {
			require.NotEqual(w.t, v1alpha1.GateHeld, b.mark, "%s is held where it cannot be", b.name)
		}
		if !b.marked {
			require.Empty(w.t, b.mark)
			require.Equal(w.t, 1, b.attempt)
		}
		// Whoever comes back has a moment to look around.
		limit := w.settings.StartGrace + 5*time.Second
		if b.mark != v1alpha1.GateOpen || !velero.Ahead(b.phase) || !w.controllerUp || w.now.Sub(w.upSince) < 5*time.Second || w.now.Sub(b.since) < limit {
			continue
		}
		for _, s := range b.sessions {
			require.False(w.t, s.Quiesced, "%s: %s is quiesced %s after Velero was let go", b.name, s.Name, w.now.Sub(b.since))
		}
	}
}

func (w *world) step() {
	w.pass(time.Duration(50+w.rand.IntN(900)) * time.Millisecond)
	if w.chance(.02) {
		w.controllerUp = false
	} else if !w.controllerUp && (w.calm || w.rand.IntN(5) == 0) {
		w.controllerUp, w.upSince = true, w.now
		for _, b := range w.backups {
			b.seenSince = w.now
		}
	}
	if w.chance(.02) && w.veleroUp {
		w.veleroUp = false
	} else if !w.veleroUp && (w.calm || w.rand.IntN(40) == 0) {
		w.veleroUp = true
		w.restart()
	}
	order := w.there()
	w.rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, b := range order {
		for _, s := range b.sessions {
			w.session(b, s)
		}
		if w.controllerUp {
			w.control(b)
		}
		if w.veleroUp {
			w.velero(b)
		}
		if current := b.current(); w.chance(.002) && len(current) > 0 && b.mark == v1alpha1.GateHeld {
			w.cancel(current[0]) // by somebody
		}
	}
	for _, m := range slices.Clone(w.moves) {
		if !w.now.Before(m.at) && w.veleroUp {
			w.moves = slices.DeleteFunc(w.moves, func(other move) bool { return other == m })
			w.write(m)
		}
	}
	w.check()
}

func TestWhateverDiesNothingIsLetGoUnquiescedAndNothingStaysQuiesced(t *testing.T) {
	began := 0
	for seed := range uint64(800) {
		w := newWorld(t, seed)
		for range 300 {
			w.step()
		}
		w.calm = true
		for range 20000 {
			if !slices.ContainsFunc(w.backups, func(b *backup) bool { return !velero.Ended(b.phase) }) {
				break
			}
			w.step()
		}
		for _, b := range w.backups {
			require.True(t, velero.Ended(b.phase), "seed %d: %s is left in %s, %s, attempt %d", seed, b.name, b.phase, b.mark, b.attempt)
			if b.mark == v1alpha1.GateRefused {
				require.Equal(t, velero.Failed, b.phase)
			}
		}
		began += w.began
	}
	require.Greater(t, began, 1500, "most are let go")
}
