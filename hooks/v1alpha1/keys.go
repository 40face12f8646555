package v1alpha1

// Labels and annotations of our own.
const (
	// HooksLabel on a namespace opts it in, when its value is HooksEnabled.
	HooksLabel   = "quiesce.io/hooks"
	HooksEnabled = "enabled"

	// StampAnnotation on a pod records what Quiesce wrote there: for each side the policy, and a hash of its annotations,
	// so that a later look can tell ours from a user's.
	StampAnnotation = "quiesce.io/stamp"
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

// NamespaceNameLabel is set on every namespace by the API server
// (https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name).
const NamespaceNameLabel = "kubernetes.io/metadata.name"
