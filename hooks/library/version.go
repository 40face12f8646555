package library

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Version tells a template's params and hooks from others: it is the same wherever they are the same.
func Version(spec *v1alpha1.HookTemplateSpec) string {
	content, err := json.Marshal(struct {
		Params []v1alpha1.TemplateParam `json:"params,omitempty"`
		Hooks  []v1alpha1.Hook          `json:"hooks,omitempty"`
	}{spec.Params, spec.Hooks})
	if err != nil {
		return "" // no object that was read is like that
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:5])
}
