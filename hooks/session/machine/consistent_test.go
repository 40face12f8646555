package machine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/session/machine"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// The window of the tests: opened at 10.2 s, quiesced at 20.5 s, thawed from 40.7 s on.
var (
	dawn     = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	opened   = dawn.Add(10200 * time.Millisecond)
	quiesced = dawn.Add(20500 * time.Millisecond)
	thawing  = dawn.Add(40700 * time.Millisecond)
)

func at(seconds float64) time.Time { return dawn.Add(time.Duration(seconds * float64(time.Second))) }

func micro(t time.Time) *metav1.MicroTime { return new(metav1.NewMicroTime(t)) }

// watched is a snapshot that was seen to come and to be cut; a cut at 0 was not.
func watched(claim string, created, cut float64) record.Snapshot {
	s := record.Snapshot{Name: "of-" + claim, Claim: claim, Stamp: at(created).Truncate(time.Second), CreatedAt: at(created)}
	if cut != 0 {
		s.CutAt, s.Ready = at(cut), true
	}
	return s
}

// found is one that was there when somebody looked.
func found(claim string, stamp, looked float64, cut bool) record.Snapshot {
	s := record.Snapshot{Name: "of-" + claim, Claim: claim, Stamp: at(stamp).Truncate(time.Second), CreatedAt: at(looked), Listed: true}
	if cut {
		s.CutAt, s.CutListed, s.Ready = at(looked), true, true
	}
	return s
}

func with(s record.Snapshot, change func(*record.Snapshot)) record.Snapshot {
	change(&s)
	return s
}

// quiescing is a session that has quiesced pods, and whose thaw has begun, with what was seen of the snapshots of claims a and b.
func quiescing(snapshots ...record.Snapshot) *record.Record {
	session := &v1alpha1.HookSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "s", UID: "s"}}
	session.Spec.Operation, session.Spec.Outcomes = v1alpha1.OperationBackup, &v1alpha1.Outcomes{Snapshot: v1alpha1.Succeeded}
	session.Status.Plan = &v1alpha1.SessionPlan{SnapshotHooks: true, BackupHooks: true}
	session.Status.Runs = new(int32)
	session.Status.BegunAt = micro(quiesced)
	session.Status.Window = &v1alpha1.Window{
		OpenedAt: micro(opened), QuiescedAt: micro(quiesced), Deadline: micro(at(600)), ThawingAt: micro(thawing),
	}
	return &record.Record{Session: session, Sightings: &record.Sightings{
		Claims: []string{"a", "b"}, Snapshots: snapshots, WordAt: thawing, ThawAt: thawing,
	}}
}

func settled(r *record.Record) metav1.Condition {
	machine.Settle(r, machine.Decision{}, at(100))
	return *meta.FindStatusCondition(r.Session.Status.Conditions, v1alpha1.ConditionConsistent)
}

func TestWhatIsKnownOfTheSnapshots(t *testing.T) {
	const named = `VolumeSnapshot "of-b" of PersistentVolumeClaim "b" `
	a := watched("a", 25, 26)
	velero := func(r *record.Record) {
		r.Session.Spec.Velero = &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Name: "nightly"}
	}
	labelled := func(s *record.Snapshot) { s.Backup = "nightly" }
	tests := map[string]struct {
		snapshots []record.Snapshot
		change    func(*record.Record)
		want      string
	}{
		"both inside":                            {snapshots: []record.Snapshot{a, watched("b", 25, 40)}, want: "True SeenInside"},
		"cut before the thaw by a hair":          {snapshots: []record.Snapshot{a, watched("b", 25, 40.699)}, want: "True SeenInside"},
		"cut as the thaw begins":                 {snapshots: []record.Snapshot{a, watched("b", 25, 40.7)}, want: "False SnapshotOutside: " + named + "was not seen to be taken"},
		"cut behind it":                          {snapshots: []record.Snapshot{a, watched("b", 25, 41)}, want: "False SnapshotOutside: " + named + "was not seen to be taken"},
		"never seen cut":                         {snapshots: []record.Snapshot{a, watched("b", 25, 0)}, want: "False SnapshotOutside: " + named + "was not seen to be taken"},
		"created while pods were being quiesced": {snapshots: []record.Snapshot{a, watched("b", 15, 30)}, want: "False SnapshotOutside: " + named + "was created before"},
		"created in the second before, and told of late": {
			snapshots: []record.Snapshot{a, with(watched("b", 20.9, 30), func(s *record.Snapshot) { s.Stamp = at(19) })},
			want:      "False SnapshotOutside: " + named + "was created before",
		},
		"a second one of a volume that is outside": {
			snapshots: []record.Snapshot{a, watched("b", 25, 30), with(watched("b", 15, 30), func(s *record.Snapshot) { s.Name = "early" })},
			want:      `False SnapshotOutside: VolumeSnapshot "early"`,
		},
		"one of before the session is nobody's":       {snapshots: []record.Snapshot{a, watched("b", 25, 30), with(watched("b", 5, 6), func(s *record.Snapshot) { s.Name = "old" })}, want: "True"},
		"one behind the tool's word is nobody's":      {snapshots: []record.Snapshot{a, watched("b", 25, 30), with(watched("b", 50, 51), func(s *record.Snapshot) { s.Name = "next" })}, want: "True"},
		"one of another volume is nobody's":           {snapshots: []record.Snapshot{a, watched("b", 25, 30), watched("c", 15, 16)}, want: "True"},
		"one that was brought is of no volume":        {snapshots: []record.Snapshot{a, watched("", 25, 30)}, want: "Unknown NoSnapshot: no VolumeSnapshot was seen of PersistentVolumeClaims b"},
		"a volume without":                            {snapshots: []record.Snapshot{a}, want: "Unknown NoSnapshot: no VolumeSnapshot was seen of PersistentVolumeClaims b"},
		"none at all":                                 {want: "Unknown NoSnapshot: no VolumeSnapshot was seen of PersistentVolumeClaims a, b"},
		"found cut by another controller":             {snapshots: []record.Snapshot{a, found("b", 25, 30, true)}, want: "Unknown NotObserved: nobody watched when " + named},
		"found uncut, and seen to be cut":             {snapshots: []record.Snapshot{a, with(found("b", 25, 30, false), func(s *record.Snapshot) { s.CutAt = at(35) })}, want: "True"},
		"found uncut, of the second of the quiescing": {snapshots: []record.Snapshot{a, with(found("b", 20, 30, false), func(s *record.Snapshot) { s.CutAt = at(35) })}, want: "Unknown NotObserved"},
		"found, of before the quiescing":              {snapshots: []record.Snapshot{a, found("b", 19, 30, true)}, want: "False SnapshotOutside"},
		"seen to come, and found cut in time":         {snapshots: []record.Snapshot{a, with(watched("b", 25, 30), func(s *record.Snapshot) { s.CutListed = true })}, want: "True"},
		"seen to come, and gone when somebody looked": {snapshots: []record.Snapshot{a, with(watched("b", 25, 0), func(s *record.Snapshot) { s.Gone = true })}, want: "Unknown NotObserved: nobody watched when " + named},
		"seen to come, and found cut too late":        {snapshots: []record.Snapshot{a, with(watched("b", 25, 50), func(s *record.Snapshot) { s.CutListed = true })}, want: "Unknown NotObserved"},

		"Velero's with its label":                 {change: velero, snapshots: []record.Snapshot{with(a, labelled), with(watched("b", 25, 30), labelled)}, want: "True"},
		"Velero's, and another's of before":       {change: velero, snapshots: []record.Snapshot{with(a, labelled), with(watched("b", 25, 30), labelled), watched("b", 15, 16)}, want: "True"},
		"another's, and none of Velero's":         {change: velero, snapshots: []record.Snapshot{with(a, labelled), watched("b", 25, 30)}, want: "Unknown NoSnapshot"},
		"Velero's of before the session":          {change: velero, snapshots: []record.Snapshot{with(a, labelled), with(found("b", 5, 10, true), labelled)}, want: "False SnapshotOutside"},
		"Velero's behind the thaw":                {change: velero, snapshots: []record.Snapshot{with(a, labelled), with(watched("b", 50, 51), labelled)}, want: "False SnapshotOutside"},
		"of a Restore of Velero's the time tells": {change: func(r *record.Record) { velero(r); r.Session.Spec.Velero.Kind = v1alpha1.VeleroRestore }, snapshots: []record.Snapshot{a, watched("b", 25, 30)}, want: "True"},

		"the cluster has no snapshots":      {change: func(r *record.Record) { r.Sightings.NoAPI = true }, want: "Unknown NoSnapshotAPI"},
		"they cannot be read":               {change: func(r *record.Record) { r.Sightings.Blind = "forbidden" }, want: "Unknown NotObserved: the VolumeSnapshots cannot be read: forbidden"},
		"pods without volumes":              {change: func(r *record.Record) { r.Sightings.Claims = nil }, want: "Unknown NoClaims"},
		"a pod that nobody remembers":       {change: func(r *record.Record) { r.Sightings.Unknown = "db-0" }, snapshots: []record.Snapshot{a, watched("b", 25, 30)}, want: `Unknown NotObserved: pod "db-0" has gone`},
		"nobody looks":                      {change: func(r *record.Record) { r.Sightings = nil }, want: "Unknown NotObserved"},
		"the thaw is noted, and not begun":  {change: func(r *record.Record) { r.Sightings.ThawAt = time.Time{} }, snapshots: []record.Snapshot{a, watched("b", 25, 0)}, want: "Unknown NotYet"},
		"pods are still quiesced":           {change: func(r *record.Record) { r.Session.Status.Window.ThawingAt = nil }, snapshots: []record.Snapshot{a}, want: "Unknown NotYet: volumes with a snapshot so far: 1 of 2"},
		"pods are still being quiesced":     {change: func(r *record.Record) { r.Session.Status.BegunAt, r.Session.Status.Window.QuiescedAt = nil, nil }, want: "Unknown NotYet"},
		"nothing is to be thawed":           {change: untilTheWord, snapshots: []record.Snapshot{a, watched("b", 25, 30)}, want: "True"},
		"nothing is to be thawed, cut late": {change: untilTheWord, snapshots: []record.Snapshot{a, watched("b", 25, 41)}, want: "False SnapshotOutside"},

		"what broke the session comes first": {
			change: func(r *record.Record) {
				r.Session.Status.Broken = machine.BreakWith(v1alpha1.ReasonHoldLost, thawing, "lost")
			},
			snapshots: []record.Snapshot{a, watched("b", 25, 41)}, want: "False HoldLost: lost",
		},
		"what was noted first stays": {
			change:    func(r *record.Record) { machine.MarkInconsistent(r.Session, v1alpha1.ReasonNewPod, "new") },
			snapshots: []record.Snapshot{a, watched("b", 25, 41)}, want: "False NewPod: new",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := quiescing(test.snapshots...)
			if test.change != nil {
				test.change(r)
			}
			c := settled(r)
			got := fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
			assert.True(t, strings.HasPrefix(got, test.want), got)
		})
	}
}

// untilTheWord has hooks run before the snapshot, and none behind it that undoes them.
func untilTheWord(r *record.Record) {
	r.Session.Status.Window.Deadline, r.Session.Status.Window.ThawingAt = nil, nil
}

// Whoever comes when all is over takes over what was seen, and does not forget it for not having seen it himself.
func TestAVerdictOutlivesItsController(t *testing.T) {
	r := quiescing(watched("a", 25, 26), watched("b", 25, 30))
	require.Equal(t, metav1.ConditionTrue, settled(r).Status)

	r.Sightings = nil // not looked yet
	require.Equal(t, metav1.ConditionTrue, settled(r).Status)
	r.Sightings = &record.Sightings{Behind: true, Unknown: "pod-0", Claims: []string{"a", "b"}, Snapshots: r.Remembered()}
	require.Equal(t, metav1.ConditionTrue, settled(r).Status)
	assert.Equal(t, v1alpha1.SnapshotCounts{Total: 2, Cut: 2, Ready: 2, Inside: 2, Claims: 2}, r.Session.Status.SnapshotCounts)

	// The thaw was noted at 40.7 s, written down, and begun: only who began it knows that it had not when b was cut.
	r = quiescing(watched("a", 25, 26), watched("b", 25, 40.8))
	r.Sightings.ThawAt = at(40.9)
	require.Equal(t, metav1.ConditionTrue, settled(r).Status)
	r.Sightings = &record.Sightings{Behind: true, Claims: []string{"a", "b"}, Snapshots: r.Remembered()}
	require.Equal(t, metav1.ConditionTrue, settled(r).Status)

	r.Session.Spec.Velero = &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Name: "nightly"}
	r.Sightings.Snapshots = append(r.Remembered(), with(watched("b", 50, 51), func(s *record.Snapshot) { s.Name, s.Backup = "late", "nightly" }))
	require.Equal(t, metav1.ConditionFalse, settled(r).Status, "but what it sees itself counts")
}

// observation is a snapshot as it really was, and as it was seen.
type observation struct {
	created, cut time.Time
	seen         record.Snapshot
	known        bool
}

// TestWhatIsCalledConsistentIs draws snapshots, delays of the news, and controllers that die and forget all that they have not written
// down. Whatever comes: what is called True was created and taken between quiescedAt and the thaw, as far as times of creation tell.
func TestWhatIsCalledConsistentIs(t *testing.T) {
	verdicts := map[metav1.ConditionStatus]int{}
	for seed := range uint64(20_000) {
		random := rand.New(rand.NewPCG(seed, 7))
		between := func(from, to float64) time.Time { return at(from + random.Float64()*(to-from)) }
		narrow := random.IntN(2) == 0 // most snapshots are as they should be
		var snapshots []*observation
		for i := range 1 + random.IntN(4) {
			s := &observation{created: between(8, 45)}
			if narrow {
				s.created = between(20.2, 30)
			}
			s.cut = s.created.Add(time.Duration(random.Float64() * float64(12*time.Second)))
			s.seen = record.Snapshot{Name: fmt.Sprintf("s%d", i), Claim: []string{"a", "b"}[i%2], Backup: "nightly", Stamp: s.created.Truncate(time.Second)}
			snapshots = append(snapshots, s)
		}
		r := quiescing()
		r.Session.Spec.Velero = &v1alpha1.VeleroSource{Kind: v1alpha1.VeleroBackup, Name: "nightly"}
		from := at(10)
		for _, s := range snapshots {
			s.list(from)
		}
		if random.IntN(3) == 0 { // the controller dies, and another comes
			died, wrote := between(10.3, 50), between(10.2, 50)
			for _, s := range snapshots {
				s.watch(from, died, random)
			}
			if wrote.After(died) {
				wrote = died
			}
			r.Sightings.Snapshots = seenBy(snapshots, wrote)
			r.Sightings.ThawAt = thawing
			if died.Before(thawing) {
				r.Session.Status.Window.ThawingAt = nil
			}
			settled(r)
			if wrote.Before(thawing) {
				r.Session.Status.Conditions = nil
			}
			remembered := r.Remembered()
			from = died.Add(time.Duration(random.Float64() * float64(5*time.Second)))
			r.Sightings.Behind = !died.Before(thawing)
			for _, s := range snapshots {
				s.takeOver(remembered)
				s.list(from)
			}
			if end := thawing; from.After(end) && !r.Sightings.Behind {
				end = from.Add(time.Millisecond)
				r.Session.Status.Window.ThawingAt, r.Sightings.ThawAt = micro(end), end
			} else {
				r.Session.Status.Window.ThawingAt = micro(thawing)
			}
		}
		for _, s := range snapshots {
			s.watch(from, at(100), random)
		}
		r.Sightings.Snapshots = seenBy(snapshots, at(100))
		verdict := settled(r)
		verdicts[verdict.Status]++
		if verdict.Status != metav1.ConditionTrue {
			continue
		}
		end := r.WindowEnd()
		for _, s := range snapshots {
			require.False(t, s.created.Before(quiesced.Truncate(time.Second)), "seed %d: %s was created at %s", seed, s.seen.Name, s.created)
			require.True(t, s.cut.Before(end), "seed %d: %s was taken at %s, and the thaw began at %s", seed, s.seen.Name, s.cut, end)
		}
	}
	t.Log(verdicts)
	for status, count := range verdicts {
		assert.Greater(t, count, 500, status)
	}
	assert.Len(t, verdicts, 3)
}

// list is what somebody finds at a time who knows nothing yet, or what was remembered.
func (s *observation) list(now time.Time) {
	if s.created.After(now) {
		return
	}
	if !s.known {
		s.known, s.seen.CreatedAt, s.seen.Listed = true, now, true
	}
	if s.seen.CutAt.IsZero() && !s.cut.After(now) {
		s.seen.CutAt, s.seen.CutListed = now, true
	}
}

// watch is what somebody is told between two times, later than it was.
func (s *observation) watch(from, to time.Time, random *rand.Rand) {
	late := func(at time.Time) time.Time {
		return at.Add(time.Duration(random.Float64() * float64(300*time.Millisecond)))
	}
	if !s.known && s.created.After(from) && s.created.Before(to) {
		s.known, s.seen.CreatedAt = true, late(s.created)
	}
	if s.known && s.seen.CutAt.IsZero() && s.cut.After(from) && s.cut.Before(to) {
		s.seen.CutAt = late(s.cut)
		if s.seen.CutAt.Before(s.seen.CreatedAt) {
			s.seen.CutAt = s.seen.CreatedAt
		}
	}
}

// takeOver forgets all but what was written down.
func (s *observation) takeOver(remembered []record.Snapshot) {
	s.known = false
	s.seen = record.Snapshot{Name: s.seen.Name, Claim: s.seen.Claim, Backup: s.seen.Backup, Stamp: s.created.Truncate(time.Second)}
	for i := range remembered {
		if remembered[i].Name == s.seen.Name {
			s.known, s.seen.CreatedAt, s.seen.CutAt, s.seen.SeenInside = true, remembered[i].CreatedAt, remembered[i].CutAt, remembered[i].SeenInside
		}
	}
}

// seenBy are the snapshots as they were known at a time.
func seenBy(snapshots []*observation, now time.Time) []record.Snapshot {
	var seen []record.Snapshot
	for _, s := range snapshots {
		if !s.known || s.seen.CreatedAt.After(now) {
			continue
		}
		known := s.seen
		if known.CutAt.After(now) {
			known.CutAt, known.CutListed = time.Time{}, false
		}
		seen = append(seen, known)
	}
	return seen
}

func TestTheCountsNameWhatIsNotInsideFirst(t *testing.T) {
	var snapshots []record.Snapshot
	var claims []string
	for i := range 150 {
		claim := fmt.Sprintf("claim-%03d", i)
		claims = append(claims, claim)
		snapshots = append(snapshots, watched(claim, 25, 30))
	}
	snapshots[149] = watched("claim-149", 15, 0)
	snapshots[149].Error = strings.Repeat("ü", 300)
	r := quiescing(snapshots...)
	r.Sightings.Claims = append(slices.Clone(claims), "none")
	settled(r)
	status := &r.Session.Status
	assert.Equal(t, v1alpha1.SnapshotCounts{Total: 150, Cut: 149, Ready: 149, Inside: 149, Claims: 151, UnseenClaims: 1}, status.SnapshotCounts)
	require.Len(t, status.Snapshots, v1alpha1.MaxSnapshots)
	assert.Equal(t, "of-claim-149", status.Snapshots[0].Name)
	assert.False(t, status.Snapshots[0].Inside)
	assert.LessOrEqual(t, len(status.Snapshots[0].Error), 256)
	assert.Equal(t, v1alpha1.SeenSnapshot{
		Name: "of-claim-000", Claim: "claim-000", CreatedAt: micro(at(25)), CutAt: micro(at(30)), ReadyToUse: true, Inside: true,
	}, status.Snapshots[1])
}

func TestOneNameIsNamedOnce(t *testing.T) {
	again := watched("a", 26, 27)
	r := quiescing(watched("a", 15, 16), again)
	settled(r)
	assert.Len(t, r.Session.Status.Snapshots, 1)
	assert.EqualValues(t, 2, r.Session.Status.SnapshotCounts.Total)
	assert.False(t, r.Session.Status.Snapshots[0].Inside, "the worse of the two")
}

func TestThePodsOfWhichVolumesMatter(t *testing.T) {
	run := func(stage v1alpha1.Stage, pods ...string) *v1alpha1.HookRun {
		run := &v1alpha1.HookRun{}
		run.Spec.Stage = stage
		for _, name := range pods {
			run.Spec.Pods = append(run.Spec.Pods, v1alpha1.RunPod{Name: name, UID: types.UID(name)})
		}
		return run
	}
	pre := run(v1alpha1.PreSnapshot, "ran", "skipped", "failed", "untouched")
	pre.Status.Results = []v1alpha1.PodResult{
		{Pod: "ran", Outcome: v1alpha1.ResultSucceeded}, {Pod: "skipped", Outcome: v1alpha1.ResultSkipped, NotRun: true},
		{Pod: "failed", Outcome: v1alpha1.ResultFailed},
	}
	post := run(v1alpha1.PostBackup, "later")
	post.Status.Results = []v1alpha1.PodResult{{Pod: "later", Outcome: v1alpha1.ResultSucceeded}}
	r := &record.Record{Session: &v1alpha1.HookSession{}, Runs: []*v1alpha1.HookRun{pre, post}}
	assert.Equal(t, map[types.UID]string{"ran": "ran", "failed": "failed"}, r.Prepared())
}

func TestHooksOfOnePodOrNoneSpeakForOthersOnceTheyHaveRun(t *testing.T) {
	run := func(stage v1alpha1.Stage, on v1alpha1.RunOn, attempted int32) *v1alpha1.HookRun {
		run := &v1alpha1.HookRun{}
		run.Spec.Stage, run.Spec.Hook.RunOn, run.Status.Attempted = stage, on, attempted
		run.Spec.Pods = []v1alpha1.RunPod{{Name: "db-0", UID: "db-0"}}
		return run
	}
	one, none := run(v1alpha1.PreSnapshot, v1alpha1.OnePod, 1), run(v1alpha1.PreBackup, v1alpha1.OncePerSession, 1)
	r := &record.Record{Session: &v1alpha1.HookSession{}, Runs: []*v1alpha1.HookRun{
		one, none, run(v1alpha1.PreSnapshot, v1alpha1.EachPod, 1), run(v1alpha1.PreSnapshot, v1alpha1.OnePod, 0), run(v1alpha1.PostSnapshot, v1alpha1.OnePod, 1),
	}}
	assert.Equal(t, []*v1alpha1.HookRun{one, none}, r.Spokesmen())
}
