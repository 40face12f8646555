package convert

import (
	"regexp/syntax"
	"strings"
)

// literal is the text that a regular expression (RE2) looks for, and whether nothing else may be around it. Dots are taken for themselves,
// since who writes app.kubernetes.io means them. It is empty where the expression says more than a text.
func literal(expression string) (text string, whole bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", false
	}
	pieces := []*syntax.Regexp{parsed}
	if parsed.Op == syntax.OpConcat {
		pieces = parsed.Sub
	}
	var b strings.Builder
	begins, ends := false, false
	for i, piece := range pieces {
		switch {
		case piece.Op == syntax.OpBeginText && i == 0:
			begins = true
		case piece.Op == syntax.OpEndText && i == len(pieces)-1:
			ends = true
		case piece.Op == syntax.OpLiteral && piece.Flags&syntax.FoldCase == 0:
			b.WriteString(string(piece.Rune))
		case piece.Op == syntax.OpAnyCharNotNL:
			b.WriteByte('.')
		default:
			return "", false
		}
	}
	return b.String(), begins && ends
}
