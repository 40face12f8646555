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
	// InUseFinalizer on a HookScript or HookTemplate keeps it while a policy or a template uses it.
	InUseFinalizer = "quiesce.io/in-use"
	// DeliveredAnnotation on a HookTemplate says that it came with Quiesce: its value is the name and the generation of the spec as it was
	// delivered, such as redis/1, so that another one tells of a change by a user, which is left alone, or of a copy. The value DeliverAgain
	// gives up such a change.
	DeliveredAnnotation = "quiesce.io/delivered"
	DeliverAgain        = "again"
	// SessionUIDLabel on a HookRun is the UID of its session, and StageLabel its stage.
	SessionUIDLabel = "quiesce.io/session-uid"
	StageLabel      = "quiesce.io/stage"

	// GateAnnotation on a Backup or Restore of Velero has it wait, or not: GateHeld, GateOpen or GateRefused. It is written at admission, and by
	// Quiesce after that. See docs/design/2026-11-26-velero.md.
	GateAnnotation = "quiesce.io/gate"
	// GateSinceAnnotation is since when it has its value (RFC 3339, with nanoseconds).
	GateSinceAnnotation = "quiesce.io/gate-since"
	// GateMessageAnnotation says in a sentence what a held one waits for, or why it was refused.
	GateMessageAnnotation = "quiesce.io/gate-message"
	// GateReturnsAnnotation on a held Backup is ReadyToStart where it was held again from that phase: a Velero that has lived through it keeps a
	// slot for the Backup, so that it goes back there by our hand, and not by Velero's queue.
	GateReturnsAnnotation = "quiesce.io/gate-returns-to"
	// GateTouchedAnnotation on a Backup is when it was changed for nothing but that Velero sees it (RFC 3339, with nanoseconds).
	GateTouchedAnnotation = "quiesce.io/gate-touched-at"

	// PoliciesAnnotation on a Backup or Restore of Velero names the policies that its sessions use, separated by commas; on a Schedule too, from
	// which Velero copies it (velero: pkg/builder/backup_builder.go). Default: all that match. What is stamped on pods Velero runs in any case.
	PoliciesAnnotation = "quiesce.io/policies"

	// ConsistentAnnotation on a Backup that has ended is True, False or Unknown, and ConsistentMessageAnnotation why: what its sessions say
	// together.
	ConsistentAnnotation        = "quiesce.io/consistent"
	ConsistentMessageAnnotation = "quiesce.io/consistent-message"

	// AccompaniedAnnotation on a Restore is when all namespaces to which it had brought pods had been given their sessions (RFC 3339, with
	// nanoseconds). Sessions are deleted some time after their end; by this they are not created again.
	AccompaniedAnnotation = "quiesce.io/accompanied-at"

	// SourceUIDLabel on a HookSession is the UID of the Backup or Restore of which it is, and BackupLabel, RestoreLabel and ScheduleLabel are their
	// names, cut to a label's length as Velero does. AttemptLabel counts the times for which the object has been held, from 1; the object itself
	// has it as an annotation, from 2.
	SourceUIDLabel = "quiesce.io/source-uid"
	BackupLabel    = "quiesce.io/velero-backup"
	RestoreLabel   = "quiesce.io/velero-restore"
	ScheduleLabel  = "quiesce.io/velero-schedule"
	AttemptLabel   = "quiesce.io/attempt"

	// AuthorAnnotation on a policy is the user who wrote its spec, and AuthoredAtAnnotation when (RFC 3339). Both are
	// written at admission, whatever the request has there.
	AuthorAnnotation     = "quiesce.io/author"
	AuthoredAtAnnotation = "quiesce.io/authored-at"
)

// The values of GateAnnotation.
const (
	// GateHeld: it waits until its pods are quiesced.
	GateHeld = "held"
	// GateOpen: it may go on.
	GateOpen = "open"
	// GateRefused: it may never go on, since a hook of before it has failed. Quiesce sets its phase to Failed.
	GateRefused = "refused"
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

// ExcludeFromBackupLabel keeps an object out of Velero's backups, where its value is "true" (velero: pkg/apis/velero/v1/labels_annotations.go).
const ExcludeFromBackupLabel = "velero.io/exclude-from-backup"

// NamespaceNameLabel is set on every namespace by the API server
// (https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name).
const NamespaceNameLabel = "kubernetes.io/metadata.name"

// ManagedByLabel is what Kubernetes recommends for saying who looks after an object; Quiesce does where its value is ManagedByQuiesce
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/).
const (
	ManagedByLabel   = "app.kubernetes.io/managed-by"
	ManagedByQuiesce = "quiesce"
)
