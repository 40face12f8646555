package chain

import (
	_ "embed" // for the scripts
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The parts of a script, without comments and indentation, and with short names: it is stored in the annotations of many
// pods.
var (
	//go:embed run.sh
	runSource string
	//go:embed guarded.sh
	guardedSource string
	//go:embed stamped.sh
	stampedSource string
	//go:embed armed.sh
	armedSource string
	//go:embed watchdog.sh
	watchdogSource string
	//go:embed unguarded.sh
	unguardedSource string

	shortNames     = shorten(runSource + guardedSource + stampedSource + watchdogSource + unguardedSource + callSource + endSource + armedSource + sweepSource)
	run, unguarded = strip(runSource), strip(unguardedSource)
	stamped        = strip(guardedSource + stampedSource + watchdogSource)
	armed          = strip(guardedSource + armedSource + watchdogSource)
	swept          = strip(guardedSource + sweepSource + watchdogSource)
)

var variable = regexp.MustCompile(`\bq_[a-z]+`)

// shorten gives each variable a name of one letter or two, behind an underscore, so that it still is unlike any in a container's
// environment. The scripts that are stamped come first: what is added behind them must not change their text.
func shorten(source string) map[string]string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	short := map[string]string{}
	for _, name := range variable.FindAllString(source, -1) {
		if _, found := short[name]; !found {
			number := len(short)
			short[name] = "_" + letters[number%len(letters):][:1]
			if number >= len(letters) {
				short[name] += letters[number/len(letters)-1:][:1]
			}
		}
	}
	return short
}

func strip(source string) string {
	var b strings.Builder
	for line := range strings.Lines(source) {
		if line = strings.TrimLeft(line, " "); line != "\n" && !strings.HasPrefix(line, "#") {
			b.WriteString(variable.ReplaceAllStringFunc(line, func(name string) string { return shortNames[name] }))
		}
	}
	return b.String()
}

// preScript and postScript are the same text where there is a watchdog, which is a third use of it.
func (c Chain) preScript() string {
	if c.Guarded() {
		return c.script()
	}
	return Chain{Pre: c.Pre}.script()
}

func (c Chain) postScript() string {
	if c.Guarded() {
		return c.script()
	}
	return Chain{Post: c.Post}.script()
}

// script begins with an empty line, so that the first line of /proc/PID/cmdline ends with the script's name.
func (c Chain) script() string {
	both := c.guarded()
	if len(both) > 0 {
		return c.definitions(both) + deadline(c.MaxQuiesce) + stamped
	}
	// Velero is to record the failure of a chain in which every failure is to be passed over.
	strict := ""
	if slices.ContainsFunc(c.Pre, func(h Hook) bool { return !h.Continue }) {
		strict = "1"
	}
	return c.definitions(nil) + strip("q_strict="+strict+"\n") + unguarded
}

// definitions are what the rest of a script is made of, with the groups that have something to thaw.
func (c Chain) definitions(thawing []int) string {
	var b strings.Builder
	b.WriteString("\n" + run + strip(fmt.Sprintf("q_both='%s' q_all='%s'\n", list(thawing), list(groups(c.Post)))))
	b.WriteString("pre() {\n:\n")
	for i := range c.Pre {
		h := &c.Pre[i]
		carryOn := 0
		if h.Continue {
			carryOn = 1
		}
		fmt.Fprintf(&b, "before %d %d %d %s%s\n", h.Group, seconds(h.Timeout), carryOn, quote(h.Name), words(h.Command))
	}
	b.WriteString("}\n" + c.postFunction())
	return b.String()
}

// postFunction runs the post hooks.
func (c Chain) postFunction() string {
	var b strings.Builder
	b.WriteString("post() {\n:\n")
	for i := range c.Post {
		h := &c.Post[i]
		fmt.Fprintf(&b, "after %d %d %s%s\n", h.Group, seconds(h.Timeout), quote(h.Name), words(h.Command))
	}
	b.WriteString("}\n")
	return b.String()
}

func deadline(maxQuiesce time.Duration) string {
	return strip(fmt.Sprintf("q_max=%d\n", seconds(maxQuiesce)))
}

// list names groups as the script does, each with a space before it.
func list(groups []int) string {
	var b strings.Builder
	for _, group := range groups {
		b.WriteString(" g" + strconv.Itoa(group))
	}
	return b.String()
}

// words are arguments as a shell reads them, each with a space before it.
func words(arguments []string) string {
	var b strings.Builder
	for _, argument := range arguments {
		b.WriteString(" " + quote(argument))
	}
	return b.String()
}

// quote puts a word between single quotes, within which a shell knows no other character than the single quote.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
