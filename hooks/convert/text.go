package convert

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
)

// maxName is how long names of policies are made, so that they fit wherever a name may be.
const maxName = 63

// printable is a text of the input as it may stand in a sentence: on one line, and not too long.
func printable(text string) string {
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return oneLine(text)
}

// oneLine is a text of the input with escapes for what would break a line, or a terminal.
func oneLine(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.ToValidUTF8(text, "") != text {
		quoted := strconv.QuoteToASCII(text)
		return quoted[1 : len(quoted)-1]
	}
	return text
}

// quoted is a text of the input between quotes.
func quoted(text string) string { return `"` + printable(text) + `"` }

// dnsName makes a name for an object of parts: lower-case letters, digits and hyphens.
func dnsName(parts ...string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return unicode.ToLower(r)
		}
		return '-'
	}, strings.Join(parts, "-"))
	for strings.Contains(name, "--") {
		name = strings.ReplaceAll(name, "--", "-")
	}
	if name = strings.Trim(name, "-"); name == "" {
		name = "hooks"
	}
	return shorten(name, maxName)
}

// shorten cuts a name, and tells it from others that begin like it by a hash.
func shorten(name string, most int) string {
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:most-7], "-") + "-" + hex.EncodeToString(sum[:3])
}

// shell is a text as one word of a shell's command line.
func shell(text string) string {
	text = oneLine(text)
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
