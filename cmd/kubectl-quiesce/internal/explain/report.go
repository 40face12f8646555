package explain

import (
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Report is all that is said of a pod or of a workload.
type Report struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Participation is that of the namespace.
	Participation Participation `json:"participation"`
	// Groups of pods, of which there is nothing different to say.
	Groups []Group `json:"groups"`
	// NotKnown are sentences about what could not be read.
	NotKnown []string `json:"notKnown,omitempty"`
}

// Participation says whether a namespace takes part.
type Participation struct {
	// Answer is Yes, NotYet where it has not opted in, Never where it cannot, or Unknown.
	Answer  Answer `json:"answer"`
	Message string `json:"message"`
}

// Answer to whether a namespace takes part.
type Answer string

// Answers.
const (
	Yes     Answer = "Yes"
	NotYet  Answer = "NotYet"
	Never   Answer = "Never"
	Unknown Answer = "Unknown"
)

// Group is what is said of pods that are alike.
type Group struct {
	// Pods by name; none where there are none yet, and it is the template that is explained.
	Pods []string `json:"pods,omitempty"`
	// OptedOut is how the pods opt out, if they do.
	OptedOut string `json:"optedOut,omitempty"`
	// Ended is true of pods that hooks pass over.
	Ended bool `json:"ended,omitempty"`
	// Policies in the order in which they apply before the backup.
	Policies []Policy `json:"policies"`
	Stamp    Stamp    `json:"stamp"`
	// Backup are the hooks that a session of a backup runs, in order.
	Backup  []Step  `json:"backup,omitempty"`
	Restore Restore `json:"restore"`
}

// Ref names a policy.
type Ref struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// String is the policy as in a sentence.
func (r Ref) String() string { return r.Kind + " " + r.Name }

// Verdict on a policy and a pod.
type Verdict string

// Verdicts.
const (
	Selected    Verdict = "Selected"
	NotSelected Verdict = "NotSelected"
	// OptedOut: it would be selected, but for its annotations.
	OptedOut  Verdict = "OptedOut"
	Suspended Verdict = "Suspended"
	// Refused: the policy cannot be used.
	Refused Verdict = "Refused"
	// NotRead: what it refers to may not be read.
	NotRead Verdict = "NotRead"
)

// Policy is a policy as it stands to a pod.
type Policy struct {
	Ref
	Priority int32   `json:"priority"`
	Verdict  Verdict `json:"verdict"`
	// Reason why it is refused or cannot be told.
	Reason string `json:"reason,omitempty"`
	// Lines of its selector that say anything.
	Lines []Line `json:"lines,omitempty"`
	// Hooks of a policy that selects the pod.
	Hooks []Hook `json:"hooks,omitempty"`
}

// Line of a selector.
type Line struct {
	Field   string `json:"field"`
	Holds   bool   `json:"holds"`
	Message string `json:"message"`
}

// Hook of a policy that selects the pod.
type Hook struct {
	Name      string           `json:"name"`
	Stages    []v1alpha1.Stage `json:"stages"`
	Action    string           `json:"action"`
	Container string           `json:"container,omitempty"`
	// Selected is false where the hook's own labelSelector does not select the pod.
	Selected bool   `json:"selected"`
	Lines    []Line `json:"lines,omitempty"`
}

// StampState is how the pod's annotations stand to what they should be.
type StampState string

// States.
const (
	UpToDate StampState = "UpToDate"
	Pending  StampState = "Pending"
	// Unsure: not all policies could be read.
	Unsure StampState = "Unsure"
	// Template: nothing is written on a template, but on the pods that are made of it.
	Template StampState = "Template"
)

// Stamp is what is on the pod for Velero, and what should be.
type Stamp struct {
	State StampState `json:"state"`
	// Carried are the sides that Quiesce wrote, as they are now.
	Carried []Side `json:"carried,omitempty"`
	// Wanted are the sides as they are to be, where that is something else, or on a template.
	Wanted []Side `json:"wanted,omitempty"`
	// UserOwned are the keys of hook annotations that are the user's own.
	UserOwned []string `json:"userOwned,omitempty"`
	// Obstacles are why hooks are not stamped.
	Obstacles []Obstacle `json:"obstacles,omitempty"`
	// BySession is the policy for which Velero's Backups wait, so that all hooks run in a session and none is stamped.
	BySession *Ref `json:"bySession,omitempty"`
}

// Side is one of the two moments at which Velero runs a hook in a pod.
type Side struct {
	Prefix    string           `json:"prefix"`
	Stages    []v1alpha1.Stage `json:"stages"`
	Policies  []Ref            `json:"policies"`
	Container string           `json:"container"`
	Command   string           `json:"command"`
	Timeout   string           `json:"timeout"`
	OnError   string           `json:"onError"`
}

// Obstacle is why hooks of a policy are not where they would be.
type Obstacle struct {
	Policy  Ref    `json:"policy"`
	Hook    string `json:"hook,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`
	// Field of the hook by which it is for sessions only.
	Field string `json:"field,omitempty"`
	// Refuses is true where a restored pod does not start for it.
	Refuses bool `json:"refuses,omitempty"`
}

// Step is a hook in a session.
type Step struct {
	Stage v1alpha1.Stage `json:"stage"`
	// Group is as in HookRuns: those of a group run at once.
	Group  int    `json:"group"`
	Policy Ref    `json:"policy"`
	Hook   string `json:"hook"`
	Action string `json:"action"`
	// Container in which it runs; empty where it runs in none.
	Container string `json:"container,omitempty"`
	// Pod is the one in which it runs, where that is one for many.
	Pod string `json:"pod,omitempty"`
	// Obstacle is why it cannot run in the pod.
	Obstacle string `json:"obstacle,omitempty"`
}

// Restore is what happens when the pod is restored.
type Restore struct {
	// Excluded is true where the namespace's restored pods are left alone.
	Excluded       bool            `json:"excluded,omitempty"`
	InitContainers []InitContainer `json:"initContainers,omitempty"`
	Obstacles      []Obstacle      `json:"obstacles,omitempty"`
	// Steps are the hooks that the session of a restore runs, in order.
	Steps []Step `json:"steps,omitempty"`
}

// InitContainer is added to a pod that a restore creates.
type InitContainer struct {
	Name    string   `json:"name"`
	Policy  Ref      `json:"policy"`
	Hook    string   `json:"hook"`
	Image   string   `json:"image"`
	Command []string `json:"command,omitempty"`
}
