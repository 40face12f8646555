package advice

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// policy is what the rules look at.
type policy struct {
	spec *v1alpha1.HookPolicySpec
	// pre and post are the hooks of either side; a hook of both is in both.
	pre, post []hookCommand
	// all has every hook that is a command or a script once, in the policy's order.
	all []hookCommand
	// holds are commands that go on until after the backup.
	holds []hookCommand
	// inits are the commands of init containers, with their arguments; an image's own program is not among them.
	inits []hookCommand
}

// hookCommand is a hook and its command, in the forms in which the rules read it.
type hookCommand struct {
	name     string
	narrowed bool // by a labelSelector of its own
	where    string
	timeout  time.Duration

	argv []string
	// length of the command in argv; behind it are variables of an init container, which this then is.
	length int
	init   bool
	// unknown is true where nothing can be read of what the hook does, or not all.
	unknown bool
	// sometimes is true where it does not run after every outcome, or not in every pod.
	sometimes bool
	// text is the whole command, for rules that look for a phrase.
	text string
	// shell is true when some shell reads a part of the command.
	shell bool
	// commands are the simple commands in it, as words.
	commands [][]string
}

func read(spec *v1alpha1.HookPolicySpec) policy {
	read := policy{spec: spec}
	if spec.Template != nil { // whose hooks may undo anything
		read.post = append(read.post, hookCommand{name: "template", argv: []string{""}, unknown: true})
	}
	for i := range spec.Hooks {
		source := &spec.Hooks[i]
		if source.Init != nil {
			for j := range source.Init.Containers {
				read.inits = append(read.inits, readInit(source.Name, &source.Init.Containers[j]))
			}
		}
		if source.Hold != nil && len(source.Hold.Command) > 0 {
			read.holds = append(read.holds, readHold(source))
		}
		hook, readable := readHook(source)
		if readable {
			read.all = append(read.all, hook)
			if slices.Contains(source.Stages, v1alpha1.PreBackup) || slices.Contains(source.Stages, v1alpha1.PreSnapshot) {
				read.pre = append(read.pre, hook)
			}
		}
		if (readable || isOpaque(source)) && (slices.Contains(source.Stages, v1alpha1.PostSnapshot) || slices.Contains(source.Stages, v1alpha1.PostBackup)) {
			read.post = append(read.post, hook)
		}
	}
	return read
}

// readInit reads an init container, with its variables as NAME=VALUE behind its command.
func readInit(name string, container *v1alpha1.InitContainer) hookCommand {
	argv := slices.Concat(container.Command, container.Args)
	length := len(argv)
	if len(container.Command) == 0 {
		length = 0
	}
	for i := range container.Env {
		argv = append(argv, container.Env[i].Name+"="+container.Env[i].Value)
	}
	read := readCommand(name, argv)
	read.init, read.length = true, length
	return read
}

// program is the command without what stands behind it; empty where it is an image's own.
func (h hookCommand) program() []string { return h.argv[:h.length] }

// readHook is false of what is neither a command nor a script.
func readHook(source *v1alpha1.Hook) (read hookCommand, readable bool) {
	switch {
	case source.Exec != nil && len(source.Exec.Command) > 0:
		read, readable = readCommand(source.Name, source.Exec.Command), true
	case source.Script != nil:
		read, readable = readScript(source.Name, source.Script), true
	default:
		read = hookCommand{name: source.Name, argv: []string{""}, unknown: true}
	}
	read.narrowed, read.where, read.timeout = source.LabelSelector != nil, source.Container, source.Timeout.Duration
	read.sometimes = isSometimes(source)
	return read, readable
}

func readCommand(name string, argv []string) hookCommand {
	read := hookCommand{
		name: name,
		argv: argv, length: len(argv),
		text:  strings.Join(argv, " "),
		shell: slices.ContainsFunc(argv, startsShell),
	}
	if !read.shell {
		read.commands = [][]string{argv}
		return read
	}
	for simple := range strings.SplitSeq(separators.ReplaceAllString(read.text, "\n"), "\n") {
		if words := strings.Fields(simple); len(words) > 0 {
			for i := range words {
				words[i] = strings.Trim(words[i], `"'`)
			}
			read.commands = append(read.commands, words)
		}
	}
	return read
}

// separators are what stands between simple commands; 2>&1 is none.
var separators = regexp.MustCompile(`[;|(){}\n]|&&|[^&>]&[^&0-9]`)

// shells by the names of their programs, and programs that start one for their argument.
var shells = map[string]bool{"sh": true, "bash": true, "dash": true, "ash": true, "zsh": true, "ksh": true}

func isShell(word string) bool { return shells[path.Base(word)] }

func startsShell(word string) bool {
	return isShell(word) || slices.Contains([]string{"su", "runuser", "ssh", "script", "watch", "xargs", "parallel"}, path.Base(word))
}

// program finds a program by name in a simple command, and returns the words after it.
func program(words []string, names ...string) (arguments []string, found bool) {
	at := slices.IndexFunc(words, func(word string) bool { return slices.Contains(names, path.Base(word)) })
	if at < 0 {
		return nil, false
	}
	return words[at+1:], true
}

// opaque tells of a hook that runs what nobody can read here, such as a script of the container's.
func (h hookCommand) opaque() bool {
	return h.unknown || scriptFile.MatchString(h.text) || slices.ContainsFunc(h.commands, func(words []string) bool {
		return strings.HasPrefix(words[0], "/") && !binaries[path.Dir(words[0])]
	})
}

var (
	scriptFile = regexp.MustCompile(`[\w/]\.(sh|bash|py|pl|rb|js|php|sql|lua)\b`)
	binaries   = map[string]bool{"/bin": true, "/sbin": true, "/usr/bin": true, "/usr/sbin": true, "/usr/local/bin": true, "/usr/local/sbin": true}
)

// undone tells whether something is undone that a hook has done: by a hook after the backup, or by itself at once. A
// script after the backup, of which nothing is known, could do so, too.
func (p policy) undone(by hookCommand, undoes func(hookCommand) bool) bool {
	return undoes(by) && !onFailure.MatchString(by.text) ||
		slices.ContainsFunc(p.post, func(after hookCommand) bool { return undoes(after) || after.opaque() })
}

// onFailure finds signs that a command undoes what it did only where it fails.
var onFailure = regexp.MustCompile(`\|\||\btrap\b`)
