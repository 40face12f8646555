package webhook

import (
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/quiesce-io/quiesce/hooks/stamp"
)

// pod is the little of a Pod that stamping looks at. Whatever else the object holds, unknown fields included, is neither
// read nor written.
type pod struct {
	Metadata *struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Name string `json:"name"`
		} `json:"containers"`
	} `json:"spec"`
}

func decodePod(raw []byte) (stamp.Pod, error) {
	var decoded pod
	if err := json.Unmarshal(raw, &decoded, lenient); err != nil {
		return stamp.Pod{}, err
	}
	if decoded.Metadata == nil {
		return stamp.Pod{}, errors.New("the pod has no metadata")
	}
	containers := make([]string, len(decoded.Spec.Containers))
	for i := range decoded.Spec.Containers {
		containers[i] = decoded.Spec.Containers[i].Name
	}
	return stamp.Pod{
		Labels:      decoded.Metadata.Labels,
		Annotations: decoded.Metadata.Annotations,
		Containers:  containers,
	}, nil
}
