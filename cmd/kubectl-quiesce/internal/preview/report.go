package preview

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/lint"
	"github.com/quiesce-io/quiesce/hooks/manifest"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Report is what policies would do.
type Report struct {
	metav1.TypeMeta `json:",inline"`
	// Policies of the files, in the order in which they stand there.
	Policies []Policy `json:"policies"`
	// Refused are objects that could not be used, and parts of files that could not be read.
	Refused []Refusal `json:"refused,omitempty"`
	// Pods for which the files make a difference, or whose policies are in them; those of a workload together where all is the same for them.
	Pods []Pods `json:"pods"`
	// Matched and Unmatched are how many pods that is, and how many others there are.
	Matched   int `json:"matched"`
	Unmatched int `json:"unmatched"`
	// Others are the pods that are not matched, in namespaces that take part.
	Others []Other `json:"others,omitempty"`
	// OptedOut are namespaces that have pods and do not take part.
	OptedOut []string `json:"optedOut,omitempty"`
	// Sessions are what HookSessions would run in each namespace.
	Sessions []Session `json:"sessions,omitempty"`
	// Notes are what was assumed, and what is not known.
	Notes []string `json:"notes,omitempty"`
}

// Refusal is why something cannot be used.
type Refusal struct {
	// Object is what it is, such as HookPolicy "postgres"; empty where that cannot be read.
	Object string `json:"object,omitempty"`
	// At is the place in the file.
	At      string `json:"at"`
	Message string `json:"message"`
}

// Policy is one of the files' policies.
type Policy struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Change is what an apply would do: Created, Configured or Unchanged; empty where no cluster was asked.
	Change string `json:"change,omitempty"`
	// Suspended policies do nothing.
	Suspended bool `json:"suspended,omitempty"`
	// Refusal is why it cannot be used, or empty: the first of the mistakes.
	Refusal string `json:"refusal,omitempty"`
	// Mistakes are all that keep it from being used, as lint has them.
	Mistakes []lint.Finding `json:"mistakes,omitempty"`
	// Warnings are of recipes that may not do what their author believes.
	Warnings []string `json:"warnings,omitempty"`
	// Pods that it selects.
	Pods int `json:"pods"`

	object *manifest.Object
}

// refuse says why the policy cannot be used.
func (p *Policy) refuse(mistakes ...lint.Finding) {
	if len(mistakes) > 0 {
		p.Mistakes, p.Refusal = mistakes, refusal(&mistakes[0]).Message
	}
}

// Other is a pod, or those of one workload, that no policy of the files selects.
type Other struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Count     int    `json:"count"`
	// EachNode is true for a pod on each node, however many there are.
	EachNode bool     `json:"eachNode,omitempty"`
	Reasons  []Reason `json:"reasons,omitempty"`
}

// Reason is why a policy does not select a pod: the lines of its selector that keep it out.
type Reason struct {
	Policy  string `json:"policy"`
	Message string `json:"message"`
}

// Pods are those of one workload for which all is the same.
type Pods struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Names of the pods; none where only their template is known.
	Names []string `json:"names,omitempty"`
	Count int      `json:"count"`
	// EachNode is true for a pod on each node, however many there are.
	EachNode bool `json:"eachNode,omitempty"`
	// Policies that select them, in the order in which they apply.
	Policies []string `json:"policies,omitempty"`
	// Annotations that matter, as they are and as they would be.
	Annotations Change[map[string]string] `json:"annotations"`
	// InitContainers as the pods have them, and as a restored one would.
	InitContainers Change[[]corev1.Container] `json:"initContainers"`
	// Obstacles are why hooks of policies are not stamped, in sentences.
	Obstacles []Obstacle `json:"obstacles,omitempty"`
	// RestoreRefusals are why a restored pod would be refused, and RestoreNotes what else its creator would be told.
	RestoreRefusals []string `json:"restoreRefusals,omitempty"`
	RestoreNotes    []string `json:"restoreNotes,omitempty"`
}

// Change is a value before and after.
type Change[T any] struct {
	Before T `json:"before,omitempty"`
	After  T `json:"after,omitempty"`
}

// Obstacle is why a hook is not stamped.
type Obstacle struct {
	Policy  string `json:"policy"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Session is what sessions of one sort run in a namespace.
type Session struct {
	Namespace string `json:"namespace"`
	// Operation of the session: Backup or Restore.
	Operation v1alpha1.Operation `json:"operation"`
	Steps     []Step             `json:"steps"`
}

// Step is a hook in one stage.
type Step struct {
	Stage v1alpha1.Stage `json:"stage"`
	// Group is the step's place in the stage, from 1; those of one group run at once.
	Group  int    `json:"group"`
	Hook   string `json:"hook"`
	Policy string `json:"policy"`
	// In says in which pods and containers it runs.
	In []string `json:"in,omitempty"`
	// Notes are obstacles, and how pods were chosen.
	Notes []string `json:"notes,omitempty"`
}
