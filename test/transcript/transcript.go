// Package transcript reads Markdown in which consoles show commands and what they print, plays the commands anew, and tells
// whether they print the same but for what differs each time: times, ages, names that are generated.
package transcript

import (
	"slices"
	"strings"
)

// Step is a command and what it prints, errors too.
type Step struct {
	// Command may have more lines than one: the further ones stand behind a "> ", as a shell asks for them.
	Command string
	Output  string
	// Line is that of the command in the document.
	Line int
}

// Document is Markdown. What is in it other than consoles is kept as it is.
type Document struct {
	parts []part
}

// part is text, or else one console's steps.
type part struct {
	text  string
	steps []*Step
}

const (
	fence      = "```"
	console    = fence + "console"
	prompt     = "$ "
	morePrompt = "> "
)

// Parse reads a document.
func Parse(markdown string) *Document {
	var (
		document Document
		text     strings.Builder
		steps    []*Step
		inside   bool
	)
	for i, line := range slices.Collect(strings.Lines(markdown)) {
		bare := strings.TrimSuffix(line, "\n")
		switch last := len(steps) - 1; {
		case !inside:
			text.WriteString(line)
			if bare == console {
				document.parts = append(document.parts, part{text: text.String()})
				text.Reset()
				inside = true
			}
		case bare == fence:
			document.parts = append(document.parts, part{steps: steps})
			text.WriteString(line)
			steps, inside = nil, false
		case strings.HasPrefix(line, prompt):
			steps = append(steps, &Step{Command: strings.TrimPrefix(bare, prompt), Line: i + 1})
		case last < 0:
			// Output of no command is nothing that could be played.
			steps = append(steps, &Step{Output: line, Line: i + 1})
		case strings.HasPrefix(line, morePrompt) && steps[last].Output == "":
			steps[last].Command += "\n" + strings.TrimPrefix(bare, morePrompt)
		default:
			steps[last].Output += line
		}
	}
	document.parts = append(document.parts, part{text: text.String(), steps: steps})
	return &document
}

// Steps are those of all consoles. Their outputs may be replaced.
func (d *Document) Steps() []*Step {
	var all []*Step
	for _, p := range d.parts {
		all = append(all, p.steps...)
	}
	return all
}

// String is the document as Markdown.
func (d *Document) String() string {
	var text strings.Builder
	for _, p := range d.parts {
		text.WriteString(p.text)
		for _, step := range p.steps {
			text.WriteString(step.String())
		}
	}
	return text.String()
}

// String is the step as a console shows it.
func (s *Step) String() string {
	if s.Command == "" {
		return s.Output
	}
	return prompt + strings.ReplaceAll(s.Command, "\n", "\n"+morePrompt) + "\n" + s.Output
}
