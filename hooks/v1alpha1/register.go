package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every type in this package.
var GroupVersion = schema.GroupVersion{Group: "quiesce.io", Version: "v1alpha1"}

// AddToScheme makes the types of this package known to a scheme. Its error is that of the scheme's builder: none
// unless a type was registered twice.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &HookPolicy{}, &HookPolicyList{}, &NamespacedHookPolicy{}, &NamespacedHookPolicyList{},
		&HookSession{}, &HookSessionList{}, &HookRun{}, &HookRunList{},
		&HookScript{}, &HookScriptList{}, &HookTemplate{}, &HookTemplateList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
