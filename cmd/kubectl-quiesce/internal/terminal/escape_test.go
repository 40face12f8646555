package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATerminalObeysNothingThatOthersHaveWritten(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"größer\tals\n鯨 👩‍🚀":               "größer\tals\n鯨 👩‍🚀",
		"\x1b[2J\x1b]0;title\a":            `\x1b[2J\x1b]0;title\a`,
		"one\rtwo\b":                       `one\rtwo\b`,
		"\u009b2J":                         `\u009b2J`,
		"\x9b2J":                           `\x9b2J`,
		"\u202egnp.exe\u2066":              `\u202egnp.exe\u2066`,
		"cut \xe9":                         `cut \xe9`,
		"\x00\x7f":                         `\x00\x7f`,
		`C:\new "quotes" stay as they are`: `C:\new "quotes" stay as they are`,
		"it says \ufffd":                   "it says \ufffd",
	} {
		assert.Equal(t, want, Escape(text))
	}
	assert.Equal(t, `one two \x1b[1mthree`, Line(" one\r\n\ttwo \x1b[1mthree\n"))
	assert.Equal(t, "| one\n| two \\r2\n| \n| three\n", Indent("one\r\ntwo \r2\n\nthree", "| "))
	assert.Empty(t, Indent("", "| "))
}
