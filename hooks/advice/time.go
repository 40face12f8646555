package advice

import (
	"fmt"
	"time"
)

// longerThanMaxQuiesce finds policies whose hooks before the backup may take longer than all that they quiesce may last.
// Hooks of one container run one after another; one with a labelSelector of its own may be for other pods.
func longerThanMaxQuiesce(p policy) []string {
	most := p.spec.MaxQuiesce.Duration
	if len(p.post) == 0 || most == 0 {
		return nil
	}
	together := map[string]time.Duration{}
	var longest time.Duration
	for _, hook := range p.pre {
		if hook.narrowed {
			continue
		}
		together[hook.where] += hook.timeout
		longest = max(longest, together[hook.where])
	}
	if longest <= most {
		return nil
	}
	return []string{fmt.Sprintf("the hooks before the backup may take %s together, and maxQuiesce, from the first of them on, is %s: "+
		"the thaw could come while they run; raise maxQuiesce or lower their timeouts", longest, most)}
}
