package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// InitAction adds init containers to a restored pod, ahead of its own and behind those that bring its data back.
type InitAction struct {
	// Containers in the order in which they run.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="write at least one container, with image or command"
	// +kubebuilder:validation:XValidation:rule="self.all(c, !has(c.name) || self.exists_one(other, has(other.name) && other.name == c.name))",message="give each container a name of its own, or none"
	Containers []InitContainer `json:"containers"`

	// InheritVolumeMounts mounts, beside each container's own, what the pod's container has, at the paths that are not
	// taken.
	// +optional
	// +kubebuilder:default=false
	InheritVolumeMounts bool `json:"inheritVolumeMounts,omitempty"`

	// InheritEnv gives the containers the environment of the pod's container; their own variables win.
	// +optional
	// +kubebuilder:default=false
	InheritEnv bool `json:"inheritEnv,omitempty"`
}

// InitContainer is a corev1.Container as far as it makes sense here. What is left out comes from the pod's container, the
// one that the hook names: its image, pull policy, security context and resources. In command, args and env, the kubelet
// replaces $(QUIESCE_RESTORE_NAME), $(QUIESCE_BACKUP_NAME), $(QUIESCE_POD_NAME) and $(QUIESCE_POD_NAMESPACE), which are in
// the container's environment too.
//
// +kubebuilder:validation:XValidation:rule="has(self.image) || has(self.command)",message="write command, or the image of a program that ends: the pod's own would start the application"
type InitContainer struct {
	// Name tells the container from others of the hook. On the pod it is quiesce-POLICY-HOOK-NAME. Default: its place in
	// the list, from 1.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="write lower-case letters, digits and hyphens, such as load-data"
	Name string `json:"name,omitempty"`

	// Image to run. Default: that of the pod's container.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:]]+$')",message="write the reference of an image, such as busybox:1.36, or leave the field out for that of the pod's container"
	Image string `json:"image,omitempty"`

	// ImagePullPolicy of Image. Default: that of the pod's container, where its image is used.
	// +optional
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`

	// Command is the program, in place of the image's own entrypoint. No shell is started unless the command is one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=32768
	Command []string `json:"command,omitempty"`

	// Args of the program.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MaxLength=32768
	Args []string `json:"args,omitempty"`

	// WorkingDir is where the program starts. Default: the image's.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	WorkingDir string `json:"workingDir,omitempty"`

	// Env are variables of the container's environment.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	Env []corev1.EnvVar `json:"env,omitempty"`

	// EnvFrom are ConfigMaps and Secrets of the pod's namespace whose keys become variables.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`

	// Resources of the container. Requests and limits are lowered to those of the pod's container, so that the pod asks
	// for no more than without it. Default: those of the pod's container.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// VolumeMounts are of volumes that the pod has.
	// +optional
	// +listType=map
	// +listMapKey=mountPath
	// +kubebuilder:validation:MaxItems=64
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`

	// VolumeDevices are block volumes that the pod has.
	// +optional
	// +listType=map
	// +listMapKey=devicePath
	// +kubebuilder:validation:MaxItems=64
	VolumeDevices []corev1.VolumeDevice `json:"volumeDevices,omitempty"`

	// SecurityContext of the container, field by field: what is left out is that of the pod's container.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
}

// Variables in the environment of every init container that Quiesce adds.
const (
	// InitEnv says by which kind, policy, hook and container of it the container was added. It is how Quiesce knows its own.
	InitEnv = "QUIESCE_INIT"
	// RestoreNameEnv is the value of the pod's restore marker, such as of the label velero.io/restore-name.
	RestoreNameEnv = "QUIESCE_RESTORE_NAME"
	// BackupNameEnv is the value of the pod's label velero.io/backup-name, or empty.
	BackupNameEnv = "QUIESCE_BACKUP_NAME"
	// PodNameEnv and PodNamespaceEnv are the pod's.
	PodNameEnv      = "QUIESCE_POD_NAME"
	PodNamespaceEnv = "QUIESCE_POD_NAMESPACE"
)
