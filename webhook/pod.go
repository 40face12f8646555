package webhook

import (
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/quiesce-io/quiesce/hooks/match"
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
			Name  string `json:"name"`
			Image string `json:"image"`
		} `json:"containers"`
		InitContainers []struct {
			Name          string `json:"name"`
			Image         string `json:"image"`
			RestartPolicy string `json:"restartPolicy"`
		} `json:"initContainers"`
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
	containers := make([]match.Container, len(decoded.Spec.Containers), len(decoded.Spec.Containers)+len(decoded.Spec.InitContainers))
	for i := range decoded.Spec.Containers {
		containers[i] = match.Container{Name: decoded.Spec.Containers[i].Name, Image: decoded.Spec.Containers[i].Image}
	}
	for i := range decoded.Spec.InitContainers {
		if container := &decoded.Spec.InitContainers[i]; container.RestartPolicy == "Always" { // a native sidecar
			containers = append(containers, match.Container{Name: container.Name, Image: container.Image, Sidecar: true})
		}
	}
	return stamp.Pod{
		Pod:         match.Pod{Labels: decoded.Metadata.Labels, Containers: containers},
		Annotations: decoded.Metadata.Annotations,
	}, nil
}
