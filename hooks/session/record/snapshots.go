package record

import (
	"cmp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// Snapshot is a VolumeSnapshot as the session's controller has seen it. Times are of its own clock, but for Stamp.
type Snapshot struct {
	Name string
	// Claim of which it is; empty where it is of nothing in the cluster, but brought by somebody.
	Claim string
	// Backup is Velero's label.
	Backup string
	// Stamp is metadata.creationTimestamp, in whole seconds of the API server.
	Stamp time.Time
	// CreatedAt is when it came to be seen. Listed says that it was found, and may have been there for long.
	CreatedAt time.Time
	Listed    bool
	// CutAt is when status.creationTime was seen; the zero time before. CutListed says that it was found so.
	CutAt     time.Time
	CutListed bool
	// Gone says that it was deleted while nobody looked, and that nobody had seen it cut.
	Gone bool
	// SeenInside says that whoever looked after the session before has seen it created and cut inside the window.
	SeenInside bool
	Ready      bool
	Error      string
}

// Sightings are all that the session's controller has seen of VolumeSnapshots. Nil is for a session of which there are none to be seen.
type Sightings struct {
	// Snapshots of the namespace, in the order of their names.
	Snapshots []Snapshot
	// Claims of the pods in which hooks were run before the snapshot, or on whose behalf they were, sorted.
	Claims []string
	// Unknown is a pod of those of which nobody knows any more what it had mounted; empty where there is none.
	Unknown string
	// NoAPI says that the cluster knows no VolumeSnapshots; Blind why they cannot be read.
	NoAPI bool
	Blind string
	// WordAt is when the backup tool was first heard to be done with its snapshots; the zero time before.
	WordAt time.Time
	// ThawAt is when the first hook of the thaw was begun: a moment behind thawingAt, which is made durable before. It is the zero time
	// before.
	ThawAt time.Time
	// Behind says that all this was seen by a controller that has come behind the window's end.
	Behind bool
}

// Late tells whether who could have seen the snapshots is not who looks now.
func (s *Sightings) Late() bool { return s == nil || s.Behind }

// Verdict is what is known of one VolumeSnapshot.
type Verdict string

// The verdicts.
const (
	// Pending: the storage has not taken it yet, and the pods are still quiesced.
	Pending Verdict = "Pending"
	// Inside: it was created and taken while all pods were quiesced.
	Inside Verdict = "Inside"
	// CreatedEarly: it was created before they were.
	CreatedEarly Verdict = "CreatedEarly"
	// CutLate: nobody had seen that it was taken when their thaw began.
	CutLate Verdict = "CutLate"
	// NotSeen: it was created and taken while nobody looked.
	NotSeen Verdict = "NotSeen"
)

// Outside tells whether a snapshot may hold what the pods wrote when they were not quiesced.
func (v Verdict) Outside() bool { return v == CreatedEarly || v == CutLate }

// Judged is a VolumeSnapshot of the session's operation and of its pods' volumes.
type Judged struct {
	Snapshot
	Verdict Verdict
}

// Judge takes the snapshots of the operation, of the claims that the session has quiesced, and says of each what is known.
//
// Of a session of a Velero Backup those count that carry its label, whenever they were created. Of any other, those that were created from
// when the first hook began until the tool has said that it is done: nothing else ties them to it.
func (r *Record) Judge() []Judged {
	seen := r.Sightings
	if seen == nil {
		return nil
	}
	var judged []Judged
	for i := range seen.Snapshots {
		s := &seen.Snapshots[i]
		if _, is := slices.BinarySearch(seen.Claims, s.Claim); is && r.belongs(s) {
			judged = append(judged, Judged{*s, r.judge(s)})
		}
	}
	return judged
}

func (r *Record) belongs(s *Snapshot) bool {
	if source := r.Session.Spec.Velero; source != nil && source.Kind == v1alpha1.VeleroBackup {
		return s.Backup == velero.LabelValue(source.Name)
	}
	window := r.Session.Status.Window
	if window == nil || window.OpenedAt == nil {
		return false
	}
	if s.Listed && s.Stamp.Before(window.OpenedAt.Truncate(time.Second)) || s.CreatedAt.Before(window.OpenedAt.Time) {
		return false
	}
	said := r.said()
	// One that was found behind the word may be of before it: then its stamp tells.
	return said.IsZero() || !s.CreatedAt.After(said) || s.Listed && !s.Stamp.After(said)
}

// said is when the tool was done with its snapshots, as far as it is known; the zero time before. The thaw begins with its word.
func (r *Record) said() time.Time {
	said := r.Sightings.WordAt
	if window := r.Session.Status.Window; window.ThawingAt != nil && (said.IsZero() || said.After(window.ThawingAt.Time)) {
		return window.ThawingAt.Time
	}
	return said
}

// WindowEnd is when pods ceased to be sure to be as the hooks have left them: when their thaw began or, where nothing is to be thawed, when
// the tool was heard to be done; the zero time before.
func (r *Record) WindowEnd() time.Time {
	window := r.Session.Status.Window
	switch {
	case window != nil && window.ThawingAt != nil && r.Sightings.Late():
		return window.ThawingAt.Time
	case window != nil && window.ThawingAt != nil:
		return r.Sightings.ThawAt
	case window != nil && window.Deadline != nil || r.Sightings == nil:
		return time.Time{}
	}
	return r.Sightings.WordAt
}

// judge goes by what was seen, by the clock by which quiescedAt and thawingAt were noted: nobody else's clock could tell whether a
// snapshot was taken before the thaw began. News comes late, never early. So what was seen cut before the thaw was cut before it, and what
// was seen so behind it counts as late, though it may have been in time: a wrong "late" costs a look, a wrong "inside" a backup.
//
// What was seen to come after quiescedAt may still have come just before it. The API server's stamp bounds that to the same
// second, since times of creation have no more. It alone tells of what nobody has seen to come: if it names a later second than that of
// quiescedAt, and the storage has taken the snapshot before somebody's eyes, it is inside; else nobody knows.
func (r *Record) judge(s *Snapshot) Verdict {
	var quiesced time.Time
	if window := r.Session.Status.Window; window != nil && window.QuiescedAt != nil {
		quiesced = window.QuiescedAt.Time
	}
	if quiesced.IsZero() || s.CreatedAt.Before(quiesced) || s.Stamp.Before(quiesced.Truncate(time.Second)) {
		return CreatedEarly
	}
	end := r.WindowEnd()
	switch {
	case s.SeenInside: // by the moment at which the thaw began, which is not known any more
		return Inside
	case s.Gone, s.Listed && (s.CutListed || !s.Stamp.After(quiesced)):
		return NotSeen
	case s.CutAt.IsZero() && end.IsZero():
		return Pending
	case s.CutAt.IsZero():
		return CutLate
	case end.IsZero() || s.CutAt.Before(end):
		return Inside
	case s.CutListed:
		return NotSeen
	}
	return CutLate
}

// CountSnapshots counts the snapshots of the operation, and names the first of them: those of before all that are not inside.
func (r *Record) CountSnapshots() (v1alpha1.SnapshotCounts, []v1alpha1.SeenSnapshot) {
	if r.Sightings == nil {
		return v1alpha1.SnapshotCounts{}, nil
	}
	judged := r.Judge()
	var counts v1alpha1.SnapshotCounts
	named, byClaim := map[string]bool{}, map[string]bool{}
	for i := range judged {
		j := &judged[i]
		counts.Total++
		counts.Cut += one(!j.CutAt.IsZero())
		counts.Ready += one(j.Ready)
		counts.Inside += one(j.Verdict == Inside)
		byClaim[j.Claim] = true
	}
	counts.Claims = int32(len(r.Sightings.Claims))            //nolint:gosec // of the pods of a namespace
	counts.UnseenClaims = counts.Claims - int32(len(byClaim)) //nolint:gosec // as above
	slices.SortStableFunc(judged, func(a, b Judged) int {
		return cmp.Or(cmp.Compare(one(a.Verdict == Inside), one(b.Verdict == Inside)), strings.Compare(a.Name, b.Name))
	})
	var list []v1alpha1.SeenSnapshot
	for i := range judged {
		if len(list) < v1alpha1.MaxSnapshots && !named[judged[i].Name] { // one may have been created anew under its name
			named[judged[i].Name] = true
			list = append(list, judged[i].status())
		}
	}
	return counts, list
}

func one(is bool) int32 {
	if is {
		return 1
	}
	return 0
}

// maxSnapshotError is how long the error of a snapshot may be in a session's status, by the schema.
const maxSnapshotError = 256

// status is the snapshot as others are to see it, and whoever takes the session over: times are in it that were seen.
func (j *Judged) status() v1alpha1.SeenSnapshot {
	seen := v1alpha1.SeenSnapshot{Name: j.Name, Claim: j.Claim, ReadyToUse: j.Ready, Inside: j.Verdict == Inside, Error: Cut(j.Error, maxSnapshotError)}
	if !j.Listed {
		seen.CreatedAt = &metav1.MicroTime{Time: j.CreatedAt}
	}
	if !j.CutAt.IsZero() && (!j.CutListed || j.Verdict == Inside) {
		seen.CutAt = &metav1.MicroTime{Time: j.CutAt}
	}
	return seen
}

// Remembered are the snapshots that the session's status says were seen by whoever looked after it before.
func (r *Record) Remembered() []Snapshot {
	var backup string
	if source := r.Session.Spec.Velero; source != nil {
		backup = velero.LabelValue(source.Name)
	}
	remembered := make([]Snapshot, 0, len(r.Session.Status.Snapshots))
	for i := range r.Session.Status.Snapshots {
		seen := &r.Session.Status.Snapshots[i]
		if seen.CreatedAt == nil { // nothing was seen
			continue
		}
		s := Snapshot{Name: seen.Name, Claim: seen.Claim, Backup: backup, Stamp: seen.CreatedAt.Time, CreatedAt: seen.CreatedAt.Time, Ready: seen.ReadyToUse, SeenInside: seen.Inside}
		if seen.CutAt != nil {
			s.CutAt = seen.CutAt.Time
		}
		remembered = append(remembered, s)
	}
	return remembered
}

// Prepared are the pods, by UID with their names, in which hooks of before the snapshot were run: whose volumes are to be in it.
func (r *Record) Prepared() map[types.UID]string {
	prepared := map[types.UID]string{}
	for _, run := range r.Runs {
		if !isPre(run) {
			continue
		}
		Each(run, func(place int, pod *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			if pod.UID != "" && entered(run, place, result) {
				prepared[pod.UID] = pod.Name
			}
		})
	}
	return prepared
}

// Spokesmen are the runs of hooks that were run before the snapshot in one pod, or in none, on behalf of all that they select: their volumes
// are to be in the snapshot like those of the pods in which hooks were run.
func (r *Record) Spokesmen() []*v1alpha1.HookRun {
	return slices.DeleteFunc(slices.Clone(r.Runs), func(run *v1alpha1.HookRun) bool {
		if !isPre(run) || run.Spec.Hook.RunOn != v1alpha1.OnePod && !InNoPod(run) {
			return true
		}
		ran := false
		Each(run, func(place int, _ *v1alpha1.RunPod, result *v1alpha1.PodResult) {
			ran = ran || entered(run, place, result)
		})
		return !ran
	})
}
