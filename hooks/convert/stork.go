package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stork is what the input has of Stork.
type stork struct {
	rules  map[string]*storkRule // by namespace and name
	order  []string              // of the rules in the input
	owners []storkOwner
}

// storkRule is a Rule (libopenstorage/stork: pkg/apis/stork/v1alpha1/rule.go). In releases before 2.0 its items were in spec.
type storkRule struct {
	*object
	items   []ruleItem
	unknown []string
	used    bool
}

type ruleItem struct {
	PodSelector map[string]string `json:"podSelector"`
	Container   string            `json:"container"`
	Actions     []ruleAction      `json:"actions"`
}

type ruleAction struct {
	Type           string `json:"type"`
	Background     bool   `json:"background"`
	RunInSinglePod bool   `json:"runInSinglePod"`
	Value          string `json:"value"`
}

// storkOwner is what names Rules to run before and after it captures data. They are in its own namespace, and run in the pods of its
// namespaces.
type storkOwner struct {
	*object
	pre, post  string
	namespaces []string
	// selector is of namespaces, as a text.
	selector string
	// removal is the command by which it names no Rule any longer; empty where it is of one time.
	removal string
}

// storkSpec is what names Rules in the specs of ApplicationBackup, ApplicationClone, Migration, GroupVolumeSnapshot and
// VolumeSnapshotSchedule (libopenstorage/stork: pkg/apis/stork/v1alpha1, a file for each).
type storkSpec struct {
	PreExecRule        string            `json:"preExecRule"`
	PostExecRule       string            `json:"postExecRule"`
	Namespaces         []string          `json:"namespaces"`
	NamespaceSelector  string            `json:"namespaceSelector"`
	NamespaceSelectors map[string]string `json:"namespaceSelectors"`
	SourceNamespace    string            `json:"sourceNamespace"`
}

// The annotations of VolumeSnapshots that name Rules (libopenstorage/stork: pkg/snapshot/rule.go), the older ones behind them.
var (
	preRuleAnnotations  = []string{"stork.libopenstorage.org/pre-snapshot-rule", "stork.rule/pre-snapshot"}
	postRuleAnnotations = []string{"stork.libopenstorage.org/post-snapshot-rule", "stork.rule/post-snapshot"}
)

func (s *stork) take(o *object) (mine bool, err error) {
	group, kind, _ := strings.Cut(o.kind(), "/")
	switch group {
	case "stork.libopenstorage.org":
	case "volumesnapshot.external-storage.k8s.io", "snapshot.storage.k8s.io":
		if kind != "VolumeSnapshot" {
			return false, nil
		}
		return true, s.snapshot(o)
	default:
		return false, nil
	}
	switch kind {
	case "Rule", "StorkRule":
		return true, s.rule(o)
	case "ApplicationBackup", "ApplicationClone", "Migration", "GroupVolumeSnapshot", "VolumeSnapshotSchedule":
		var owner struct {
			Spec storkSpec `json:"spec"`
		}
		if err := o.decode(&owner); err != nil {
			return true, err
		}
		s.own(o, owner.Spec)
		return true, nil
	case "ApplicationBackupSchedule", "MigrationSchedule":
		var owner struct {
			Spec struct {
				Template struct {
					Spec storkSpec `json:"spec"`
				} `json:"template"`
			} `json:"spec"`
		}
		if err := o.decode(&owner); err != nil {
			return true, err
		}
		s.own(o, owner.Spec.Template.Spec)
		return true, nil
	}
	return false, nil
}

func (s *stork) rule(o *object) error {
	var rule struct {
		metav1.TypeMeta
		Metadata json.RawMessage `json:"metadata"`
		Status   json.RawMessage `json:"status"`
		Rules    json.RawMessage `json:"rules"`
		Spec     json.RawMessage `json:"spec"`
	}
	unknown, err := decodeEntry(o.JSON, &rule)
	if err != nil {
		return err
	}
	made := &storkRule{object: o}
	if unknown != "" {
		made.unknown = append(made.unknown, unknown)
	}
	field, raw := "rules", rule.Rules
	if len(raw) == 0 {
		field, raw = "spec", rule.Spec
	}
	var items []json.RawMessage
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &items); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	for i, raw := range items {
		var item ruleItem
		unknown, err := decodeEntry(raw, &item)
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		if unknown != "" {
			made.unknown = append(made.unknown, unknown)
		}
		made.items = append(made.items, item)
	}
	key := o.Namespace + "/" + o.Name
	if s.rules == nil {
		s.rules = map[string]*storkRule{}
	}
	if s.rules[key] == nil {
		s.order = append(s.order, key)
	}
	s.rules[key] = made
	return nil
}

func (s *stork) own(o *object, spec storkSpec) {
	owner := storkOwner{object: o, pre: spec.PreExecRule, post: spec.PostExecRule, namespaces: spec.Namespaces, selector: spec.NamespaceSelector}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(spec.NamespaceSelectors)) {
		labels = append(labels, key+"="+spec.NamespaceSelectors[key])
	}
	owner.selector = cmp.Or(owner.selector, strings.Join(labels, ","))
	if len(owner.namespaces) == 0 && owner.selector == "" {
		owner.namespaces = []string{cmp.Or(spec.SourceNamespace, o.Namespace)}
	}
	rules := map[string]any{"preExecRule": nil, "postExecRule": nil}
	switch o.Kind {
	case "ApplicationBackupSchedule":
		owner.removal = removal(o, "applicationbackupschedules.stork.libopenstorage.org", nest(rules, "spec", "template", "spec"))
	case "MigrationSchedule":
		owner.removal = removal(o, "migrationschedules.stork.libopenstorage.org", nest(rules, "spec", "template", "spec"))
	case "VolumeSnapshotSchedule":
		owner.removal = removal(o, "volumesnapshotschedules.stork.libopenstorage.org", nest(rules, "spec"))
	}
	s.owners = append(s.owners, owner)
}

// removal is the command by which fields go from an object.
func removal(o *object, resource string, patch any) string {
	text, err := json.Marshal(patch)
	if err != nil { // a map of strings and nil is always JSON
		panic(fmt.Sprintf("convert: %v", err))
	}
	return "kubectl" + namespaceFlag(o.Namespace) + " patch " + resource + " " + shell(o.Name) + " --type=merge -p " + shell(string(text))
}

func (s *stork) snapshot(o *object) error {
	var snapshot struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := o.decode(&snapshot); err != nil {
		return err
	}
	first := func(keys []string) string {
		for _, key := range keys {
			if value, has := snapshot.Metadata.Annotations[key]; has {
				return value
			}
		}
		return ""
	}
	s.owners = append(s.owners, storkOwner{object: o, pre: first(preRuleAnnotations), post: first(postRuleAnnotations), namespaces: []string{o.Namespace}})
	return nil
}
