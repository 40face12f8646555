// Package velero knows the little of Velero's objects that Quiesce reads. It is pure, and depends on none of Velero's
// modules: whoever reads the objects decodes them into these few fields.
package velero

import (
	"path"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// BackupSpec is what decides which pods a Backup covers, and which hooks of its own it runs in them (velero:
// pkg/apis/velero/v1/backup_types.go).
type BackupSpec struct {
	IncludedNamespaces []string `json:"includedNamespaces"`
	ExcludedNamespaces []string `json:"excludedNamespaces"`
	IncludedResources  []string `json:"includedResources"`
	ExcludedResources  []string `json:"excludedResources"`
	// The newer filters, by which the two above are replaced.
	IncludedNamespaceScopedResources []string `json:"includedNamespaceScopedResources"`
	ExcludedNamespaceScopedResources []string `json:"excludedNamespaceScopedResources"`

	LabelSelector    *metav1.LabelSelector   `json:"labelSelector"`
	OrLabelSelectors []*metav1.LabelSelector `json:"orLabelSelectors"`
	Hooks            struct {
		Resources []HookSpec `json:"resources"`
	} `json:"hooks"`

	// StorageLocation is resolved by Velero when the backup starts, where it is empty.
	StorageLocation string `json:"storageLocation"`
	// TTL is how long the backup is kept; zero for Velero's default.
	TTL metav1.Duration `json:"ttl"`
	// DefaultVolumesToFsBackup backs up files, and takes no snapshots.
	DefaultVolumesToFsBackup *bool `json:"defaultVolumesToFsBackup"`
	// ResourcePolicy is there where a ConfigMap says how volumes are backed up.
	ResourcePolicy *struct{} `json:"resourcePolicy"`
}

// CoversPods tells whether a backup has pods of a namespace in it, unless its selectors leave them out.
func (s *BackupSpec) CoversPods(namespace string) bool {
	pods := s.pods()
	return pods.covers(namespace, nil)
}

// pods are those that a backup has in it, whatever their labels.
func (s *BackupSpec) pods() scope {
	return newScope(s.IncludedNamespaces, s.ExcludedNamespaces,
		slices.Concat(s.IncludedResources, s.IncludedNamespaceScopedResources),
		slices.Concat(s.ExcludedResources, s.ExcludedNamespaceScopedResources), nil)
}

// HookSpec is an entry of a Backup's spec.hooks.resources.
type HookSpec struct {
	IncludedNamespaces []string              `json:"includedNamespaces"`
	ExcludedNamespaces []string              `json:"excludedNamespaces"`
	IncludedResources  []string              `json:"includedResources"`
	ExcludedResources  []string              `json:"excludedResources"`
	LabelSelector      *metav1.LabelSelector `json:"labelSelector"`
	PreHooks           []any                 `json:"pre"`
	PostHooks          []any                 `json:"post"`
}

// BackupHooks are the hooks of a Schedule or Backup, as far as it matters in which pods they run.
type BackupHooks struct {
	// Name in a sentence, such as Schedule velero/nightly.
	Name string

	backup  scope
	entries []scope
}

// ParseBackupHooks reads the hooks of the Schedule or Backup with a name for sentences; false where it has none. A selector
// that is none selects nothing, as Velero refuses such a backup.
func ParseBackupHooks(name string, spec *BackupSpec) (BackupHooks, bool) {
	selectors := spec.OrLabelSelectors
	if spec.LabelSelector != nil {
		selectors = append(slices.Clip(selectors), spec.LabelSelector)
	}
	hooks := BackupHooks{Name: name, backup: spec.pods()}
	hooks.backup.selectors = parse(selectors)
	for i := range spec.Hooks.Resources {
		entry := &spec.Hooks.Resources[i]
		if len(entry.PreHooks)+len(entry.PostHooks) == 0 {
			continue
		}
		selectors = nil
		if entry.LabelSelector != nil {
			selectors = []*metav1.LabelSelector{entry.LabelSelector}
		}
		hooks.entries = append(hooks.entries, newScope(
			entry.IncludedNamespaces, entry.ExcludedNamespaces, entry.IncludedResources, entry.ExcludedResources, selectors))
	}
	return hooks, len(hooks.entries) > 0
}

// Cover tells whether any of the hooks would run in a pod with these labels in a namespace.
func (h *BackupHooks) Cover(namespace string, podLabels map[string]string) bool {
	return h.backup.covers(namespace, podLabels) &&
		slices.ContainsFunc(h.entries, func(entry scope) bool { return entry.covers(namespace, podLabels) })
}

// scope selects pods by namespace, labels and being pods.
type scope struct {
	included, excluded []string
	pods               bool
	selectors          []labels.Selector // any of them; none selects all
}

func newScope(includedNamespaces, excludedNamespaces, includedResources, excludedResources []string, selectors []*metav1.LabelSelector) scope {
	s := scope{
		included: includedNamespaces,
		excluded: excludedNamespaces,
		pods:     (len(includedResources) == 0 || namePods(includedResources)) && !namePods(excludedResources),
	}
	s.selectors = parse(selectors)
	return s
}

// parse turns a selector that is none into one that selects nothing, as Velero refuses such a backup.
func parse(selectors []*metav1.LabelSelector) []labels.Selector {
	var all []labels.Selector
	for _, selector := range selectors {
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			parsed = labels.Nothing()
		}
		all = append(all, parsed)
	}
	return all
}

// namePods tells whether pods are among resources. Velero takes whatever kubectl does.
func namePods(resources []string) bool {
	return slices.ContainsFunc(resources, func(resource string) bool {
		return slices.Contains([]string{"*", "pods", "pod", "po", "pods.v1", "v1/pods"}, resource)
	})
}

func (s *scope) covers(namespace string, podLabels map[string]string) bool {
	return s.pods &&
		(len(s.included) == 0 || matchesAny(s.included, namespace)) && !matchesAny(s.excluded, namespace) &&
		(len(s.selectors) == 0 || slices.ContainsFunc(s.selectors, func(selector labels.Selector) bool {
			return selector.Matches(labels.Set(podLabels))
		}))
}

// matchesAny tells whether a namespace is one of those named, by name or by glob (velero: pkg/util/collections).
func matchesAny(patterns []string, namespace string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, namespace)
		return matched && err == nil
	})
}
