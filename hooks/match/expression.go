package match

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Expression compiles a regular expression. Its error says what is wrong with it, and not what to write instead.
func Expression(text string) (*regexp.Regexp, error) {
	compiled, err := regexp.Compile(text)
	var mistake *syntax.Error
	if errors.As(err, &mistake) {
		return nil, fmt.Errorf("this is no regular expression: %s: `%s`", mistake.Code, mistake.Expr)
	}
	return compiled, err
}
