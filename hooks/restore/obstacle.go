package restore

import (
	"fmt"

	"github.com/quiesce-io/quiesce/hooks/match"
)

// Obstacle is why an init container cannot be added to a pod.
type Obstacle struct {
	Policy match.Ref
	Hook   string
	// Message says of "the pod" what stands in the way, and what to write instead.
	Message string
	// Refuses is true where the pod must not start without the container: the hook's onError is Fail.
	Refuses bool
}

// String is the obstacle in a sentence.
func (o Obstacle) String() string {
	return fmt.Sprintf("%s, hook %q: %s", o.Policy, o.Hook, o.Message)
}

// Refusals are why the pod must not start; none where it may.
func (d Decision) Refusals() []string { return d.sentences(true) }

// LeftOut are why containers are not added that the pod may start without.
func (d Decision) LeftOut() []string { return d.sentences(false) }

func (d Decision) sentences(refuses bool) (sentences []string) {
	for _, obstacle := range d.Obstacles {
		if obstacle.Refuses == refuses {
			sentences = append(sentences, obstacle.String())
		}
	}
	return sentences
}
