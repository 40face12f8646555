package v1alpha1

// Labels and annotations of our own.
const (
	// HooksLabel on a namespace opts it in, when its value is HooksEnabled.
	HooksLabel   = "quiesce.io/hooks"
	HooksEnabled = "enabled"

	// StampAnnotation on a pod records what Quiesce wrote there: for each side the policies, and a hash of its annotations,
	// so that a later look can tell ours from a user's.
	StampAnnotation = "quiesce.io/stamp"

	// SkipAnnotation on a pod opts it out of all policies, when its value is "true".
	SkipAnnotation = "quiesce.io/skip"
	// SkipPoliciesAnnotation on a pod opts it out of policies by their names, separated by commas; of a HookPolicy and a
	// NamespacedHookPolicy alike.
	SkipPoliciesAnnotation = "quiesce.io/skip-policies"

	// RestoredKey marks a pod as restored, whatever the tool: a label or an annotation, whose value is the restore's name.
	RestoredKey = "quiesce.io/restored"

	// AbandonAnnotation on a HookSession gives up the thaw of what cannot be reached: its value is "true", or names of pods,
	// separated by commas. Whoever sets it sees to those pods.
	AbandonAnnotation = "quiesce.io/abandon"
	// ThawFinalizer on a HookSession and its HookRuns keeps them until what was quiesced is thawed.
	ThawFinalizer = "quiesce.io/thaw"
	// SessionUIDLabel on a HookRun is the UID of its session, and StageLabel its stage.
	SessionUIDLabel = "quiesce.io/session-uid"
	StageLabel      = "quiesce.io/stage"

	// AuthorAnnotation on a policy is the user who wrote its spec, and AuthoredAtAnnotation when (RFC 3339). Both are
	// written at admission, whatever the request has there.
	AuthorAnnotation     = "quiesce.io/author"
	AuthoredAtAnnotation = "quiesce.io/authored-at"
)

// Pod annotations that Velero reads (velero: internal/hook/item_hook_handler.go). Each key is the prefix of its side
// followed by one of the suffixes.
const (
	VeleroPrePrefix  = "pre.hook.backup.velero.io/"
	VeleroPostPrefix = "post.hook.backup.velero.io/"
	// VeleroLegacyPrefix is read by Velero for the pre side, where the pre command is absent.
	VeleroLegacyPrefix = "hook.backup.velero.io/"

	VeleroCommand   = "command"
	VeleroContainer = "container"
	VeleroOnError   = "on-error"
	VeleroTimeout   = "timeout"
)

// Labels of pods that Velero has restored (velero: pkg/restore/restore.go). Names of more than 63 characters are shortened
// there (velero: pkg/label/label.go).
const (
	VeleroRestoreLabel = "velero.io/restore-name"
	VeleroBackupLabel  = "velero.io/backup-name"
)

// NamespaceNameLabel is set on every namespace by the API server
// (https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name).
const NamespaceNameLabel = "kubernetes.io/metadata.name"
