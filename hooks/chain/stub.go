package chain

import "time"

const MaxScriptBytes = 98304

type Hook struct {
	Name     string
	Group    int
	Command  []string
	Timeout  time.Duration
	Continue bool
}
type Chain struct {
	Pre, Post  []Hook
	MaxQuiesce time.Duration
}

func script(hooks []Hook, more ...Hook) []string {
	s := ""
	for _, h := range append(hooks, more...) {
		s += h.Name
		for _, a := range h.Command {
			s += " " + a
		}
		s += "\n"
	}
	return []string{"/bin/sh", "-c", "eval \"$1\"", "quiesce", s}
}
func (c Chain) PreCommand() []string       { return script(c.Pre, c.Post...) }
func (c Chain) PostCommand() []string      { return script(c.Post) }
func (c Chain) PreTimeout() time.Duration  { return time.Minute }
func (c Chain) PostTimeout() time.Duration { return time.Minute }
