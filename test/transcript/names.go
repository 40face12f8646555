package transcript

import "strings"

// Names knows which generated name of now stands where another one stood when a transcript was recorded.
type Names struct {
	now  map[string]string // by that of then
	then map[string]string // by that of now
}

// NewNames knows none.
func NewNames() *Names { return &Names{now: map[string]string{}, then: map[string]string{}} }

// Learn compares outputs that are the same when masked.
func (n *Names) Learn(recorded, printed string) {
	then, now := generated.FindAllString(recorded, -1), generated.FindAllString(printed, -1)
	for i := range min(len(then), len(now)) {
		if _, known := n.now[then[i]]; !known {
			n.now[then[i]], n.then[now[i]] = now[i], then[i]
		}
	}
}

// Now puts the names of now into a recorded command.
func (n *Names) Now(command string) string { return replaced(command, n.now) }

// Then puts recorded names into what was printed now.
func (n *Names) Then(output string) string { return replaced(output, n.then) }

func replaced(text string, names map[string]string) string {
	return generated.ReplaceAllStringFunc(text, func(name string) string {
		if other, known := names[name]; known {
			return other
		}
		// A name within a longer one: of a session, in that of its HookRun.
		for whole, other := range names {
			if strings.Contains(name, whole) {
				return strings.Replace(name, whole, other, 1)
			}
		}
		return name
	})
}
