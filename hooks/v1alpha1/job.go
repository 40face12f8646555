package v1alpha1

import batchv1 "k8s.io/api/batch/v1"

// JobAction runs a Job in the session's namespace, which has gone well when the Job is complete. The Job is ended at the hook's
// timeout, and deleted after an hour unless its template says otherwise.
type JobAction struct {
	// Template of the Job, as in a CronJob's spec.jobTemplate. What is left out here: restartPolicy is Never, backoffLimit 0, and no
	// token of a ServiceAccount is mounted, and the grace of its pods is 10s. Its containers get the variables QUIESCE_SESSION, QUIESCE_STAGE, QUIESCE_OUTCOME,
	// QUIESCE_POLICY, QUIESCE_HOOK, QUIESCE_POD_NAMESPACE, QUIESCE_POD_NAME, QUIESCE_POD_UID, QUIESCE_POD_IP and QUIESCE_POD_NODE, those of the pod being empty for a hook with
	// runOn Session.
	// +required
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Type=object
	Template batchv1.JobTemplateSpec `json:"template"`
}

// Variables in the environment of a Job's containers, beside PodNameEnv.
const (
	SessionEnv = "QUIESCE_SESSION"
	StageEnv   = "QUIESCE_STAGE"
	// OutcomeEnv is what the backup tool has said of the operation by then: Succeeded, Failed, or empty.
	OutcomeEnv = "QUIESCE_OUTCOME"
	PolicyEnv  = "QUIESCE_POLICY"
	HookEnv    = "QUIESCE_HOOK"
	PodUIDEnv  = "QUIESCE_POD_UID"
	PodIPEnv   = "QUIESCE_POD_IP"
	PodNodeEnv = "QUIESCE_POD_NODE"
)
