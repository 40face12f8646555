package session

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/plan"
	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/session/witness"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// sights are the VolumeSnapshots that a session watches. They are taken into its record now and then, and with it into its status: a
// session of 5,000 volumes sees 15,000 changes.
type sights struct {
	view *witness.Snapshots
	news atomic.Int64 // changes that are not in the record yet
	// claims of the pods, by their UIDs, and those of which others have seen snapshots.
	claims map[types.UID][]string
	others []string
	// behalf are the pods, with their names, on whose behalf hooks were run in another, or in none.
	behalf  map[types.UID]string
	wordAt  time.Time
	thawAt  time.Time
	behind  bool
	takenAt time.Time
	next    time.Time // when what is new is to be taken in; the zero time where nothing is
}

// Between two looks there is a twentieth of the time for which the session has been open, and at least shortestLook: so many
// snapshots that come one by one are written down some hundred times, and what a dead controller has seen and not written is not much.
const (
	shortestLook = time.Second
	lookShare    = 20
)

// watchSnapshots begins to watch the VolumeSnapshots, before the first hook runs. Where no hook runs before the snapshot, no
// snapshot can tell anything of it.
func (o *open) watchSnapshots(ctx context.Context, runs []*v1alpha1.HookRun) {
	kinds := o.record.Plan().Kinds
	if o.sights != nil || !kinds.Snapshot && !kinds.Backup ||
		!slices.ContainsFunc(runs, func(run *v1alpha1.HookRun) bool { return !plan.IsPost(run.Spec.Stage) }) {
		return
	}
	status := &o.record.Session.Status
	s := &sights{claims: map[types.UID][]string{}, behalf: map[types.UID]string{}, behind: status.Window != nil && status.Window.ThawingAt != nil}
	for i := range status.Snapshots {
		s.others = append(s.others, status.Snapshots[i].Claim)
	}
	key := o.key
	s.view = o.Witness.OpenSnapshots(ctx, key.Namespace, o.record.Remembered(), func() {
		s.news.Add(1)
		o.wake(key)
	})
	o.sights = s
}

func (s *sights) close() {
	if s != nil {
		s.view.Close()
	}
}

// due is when to look again; the zero time where nothing is new.
func (s *sights) due() time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.next
}

// lookAtSnapshots takes what is new into the record: when it must, after a while, or when there is nothing more to wait for.
func (o *open) lookAtSnapshots(now time.Time, must bool) {
	s := o.sights
	if s == nil {
		return
	}
	s.next = time.Time{}
	if o.record.Session.Status.FinishedAt != nil && !must {
		return
	}
	if outcomes := o.record.Session.Spec.Outcomes; s.wordAt.IsZero() && outcomes != nil && (outcomes.Snapshot != "" || outcomes.Operation != "") {
		s.wordAt = now
		must = true
	}
	if o.record.Sightings == nil || must {
		o.takeIn(now)
		return
	}
	if s.news.Load() == 0 {
		return
	}
	if next := s.takenAt.Add(o.untilNextLook(now)); now.Before(next) && !o.complete() {
		s.next = next
		return
	}
	o.takeIn(now)
}

// lookBeforeThaw looks for the last time before pods are thawed: what is seen from here on is late.
func (o *open) lookBeforeThaw(jobs []machine.Job) {
	s := o.sights
	if s == nil || !s.thawAt.IsZero() || !slices.ContainsFunc(jobs, func(job machine.Job) bool { return record.Thaws(job.Run) }) {
		return
	}
	s.thawAt = time.Now()
	o.takeIn(s.thawAt)
}

func (o *open) untilNextLook(now time.Time) time.Duration {
	window := o.record.Session.Status.Window
	if window == nil {
		return shortestLook
	}
	return lookPause(now.Sub(window.OpenedAt.Time))
}

// lookPause is the time between two looks of a session that has been open for so long.
func lookPause(open time.Duration) time.Duration { return max(shortestLook, open/lookShare) }

// complete tells whether the last snapshot that was missing is ready: whoever waits for that has pods quiesced meanwhile. It is only
// counted where as much is new as was missing.
func (o *open) complete() bool {
	counts := o.record.Session.Status.SnapshotCounts
	missing := counts.UnseenClaims + counts.Total - counts.Ready
	if missing == 0 || o.sights.news.Load() < int64(missing) {
		return false
	}
	now := record.Record{Session: o.record.Session, Runs: o.record.Runs, Sightings: o.sighted()}
	counts, _ = now.CountSnapshots()
	return counts.Total > 0 && counts.UnseenClaims == 0 && counts.Ready == counts.Total
}

func (o *open) takeIn(now time.Time) {
	taken := o.sights.news.Load()
	o.record.Sightings, o.sights.takenAt = o.sighted(), now
	o.sights.news.Add(-taken)
}

// sighted is what there is to be seen now.
func (o *open) sighted() *record.Sightings {
	s := o.sights
	prepared := o.record.Prepared()
	if spokesmen := o.record.Spokesmen(); o.view != nil && len(spokesmen) > 0 {
		s.noteBehalf(spokesmen, o.index, o.planning(), present(o.view))
	}
	maps.Copy(prepared, s.behalf)
	looked := &record.Sightings{WordAt: s.wordAt, ThawAt: s.thawAt, Behind: s.behind, Claims: slices.Clone(s.others)}
	for uid, name := range prepared {
		claims, known := s.claims[uid]
		if !known {
			var pod *witness.Pod
			if o.view != nil {
				pod, known = o.view.Pod(uid)
			}
			if !known {
				looked.Unknown = max(looked.Unknown, name)
				continue
			}
			claims = pod.Claims
			s.claims[uid] = claims
		}
		looked.Claims = append(looked.Claims, claims...)
	}
	slices.Sort(looked.Claims)
	looked.Claims = slices.Compact(looked.Claims)
	s.view.Look(looked)
	return looked
}

// noteBehalf notes the pods on whose behalf hooks of before the snapshot were run in one of them, or in none: that may have quiesced all, so that
// they are neither thawed nor called consistent by the volumes of the one. Whoever has taken the session over does not know what its
// policies were (the index is nil), and takes all pods that the session selects.
func (s *sights) noteBehalf(spokesmen []*v1alpha1.HookRun, index *match.Index, session plan.Session, pods []plan.Pod) {
	note := func(pods []plan.Pod) {
		for i := range pods {
			s.behalf[pods[i].UID] = pods[i].Name
		}
	}
	if index == nil {
		note(slices.DeleteFunc(pods, func(pod plan.Pod) bool { return !session.Selects(pod) }))
		return
	}
	for _, run := range spokesmen {
		note(session.Candidates(index, record.PolicyOf(run), int(run.Spec.Hook.Place), pods))
	}
}

// earliest is the earlier of two times, of which the zero time is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
