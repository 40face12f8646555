package perform

import (
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// variable is what a hook is told of the session.
type variable struct{ name, value string }

// variables are those of a hook in a pod; without one, the pod's are empty.
func (a *attempt) variables() []variable {
	run := a.Run
	told := []variable{
		{v1alpha1.SessionEnv, run.Spec.Session.Name}, {v1alpha1.StageEnv, string(run.Spec.Stage)},
		{v1alpha1.OutcomeEnv, string(a.Outcome)}, {v1alpha1.PolicyEnv, run.Spec.Policy.Name}, {v1alpha1.HookEnv, run.Spec.Hook.Name},
		{v1alpha1.PodNamespaceEnv, run.Namespace}, {v1alpha1.PodNameEnv, a.pod.Name}, {v1alpha1.PodUIDEnv, string(a.pod.UID)},
	}
	ip, node := "", ""
	if pod, there := a.pods.Pod(a.pod.UID); there {
		ip, node = pod.IP, pod.Node
	}
	return append(told, variable{v1alpha1.PodIPEnv, ip}, variable{v1alpha1.PodNodeEnv, node})
}

// expander puts the variables in the place of references such as $(QUIESCE_STAGE). They are names, words and addresses, which need no
// quoting in a URL or in JSON.
func (a *attempt) expander() *strings.Replacer {
	var pairs []string
	for _, v := range a.variables() {
		pairs = append(pairs, "$("+v.name+")", v.value)
	}
	return strings.NewReplacer(pairs...)
}
