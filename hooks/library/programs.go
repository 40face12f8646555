package library

import (
	"path"
	"regexp"
	"strings"
)

// Programs that run a text which they are given as an argument.
var (
	shells = regexp.MustCompile(`^(sh|bash|dash|ash|ksh|mksh|ksh93|zsh|fish|csh|tcsh|yash)$`)
	// starters hand a text to a shell.
	starters = regexp.MustCompile(`^(su|runuser|sg|script|flock|watch)$`)
	remote   = regexp.MustCompile(`^(ssh|parallel)$`)
	// interpreters by the letters of the options behind which they have it.
	interpreters = []struct {
		program *regexp.Regexp
		letters string
		words   []string
	}{
		{regexp.MustCompile(`^(python|pypy)[0-9.]*$`), "c", nil},
		{regexp.MustCompile(`^(perl|ruby|lua|luajit|Rscript)[0-9.]*$`), "eE", nil},
		{regexp.MustCompile(`^(node|nodejs|bun|deno)$`), "ep", []string{"--eval", "--print", "eval"}},
		{regexp.MustCompile(`^php[0-9.]*$`), "rBRE", []string{"--run"}},
		{starters, "c", []string{"--command"}},
		{regexp.MustCompile(`^env$`), "S", []string{"--split-string"}},
	}
)

// texts tells, of each item of a command, whether it is one that a shell or another interpreter runs. Where it cannot be told, it
// says so as well, but for a shell, whose options are known.
func texts(argv []string) []bool {
	marked := make([]bool, len(argv))
	for i, word := range argv {
		name := path.Base(word)
		if shells.MatchString(name) {
			if at, found := shellText(argv, i+1); found {
				marked[at] = true
			}
		}
		if remote.MatchString(name) {
			for at := i + 1; at < len(argv); at++ {
				marked[at] = true
			}
		}
		for _, interpreter := range interpreters {
			if interpreter.program.MatchString(name) {
				markTexts(argv, i+1, interpreter.letters, interpreter.words, marked)
			}
		}
	}
	return marked
}

// shellText is the place of the text that a shell runs whose options begin at a place: the first item behind them, if -c is among
// them.
func shellText(argv []string, at int) (int, bool) {
	found := false
	for ; at < len(argv); at++ {
		word := argv[at]
		switch {
		case word == "--rcfile" || word == "--init-file":
			at++
		case word == "--" || word == "-":
			return at + 1, found && at+1 < len(argv)
		case strings.HasPrefix(word, "--"):
		case len(word) > 1 && (word[0] == '-' || word[0] == '+'):
			found = found || word[0] == '-' && strings.ContainsRune(word, 'c')
			if strings.HasSuffix(word, "o") || strings.HasSuffix(word, "O") { // its argument is the next item
				at++
			}
		default:
			return at, found
		}
	}
	return 0, false
}

// markTexts marks what follows options with one of some letters, in the same item or in the next.
func markTexts(argv []string, from int, letters string, words []string, marked []bool) {
	for at := from; at < len(argv); at++ {
		word := argv[at]
		for _, option := range words {
			if word == option && at+1 < len(argv) {
				marked[at+1] = true
			}
			if strings.HasPrefix(word, option+"=") {
				marked[at] = true
			}
		}
		if len(word) < 2 || word[0] != '-' || word[1] == '-' {
			continue
		}
		switch letter := strings.IndexAny(word, letters); {
		case letter < 0:
		case letter == len(word)-1 && at+1 < len(argv):
			marked[at+1] = true
		default:
			marked[at] = true
		}
	}
}
