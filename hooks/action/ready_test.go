package action

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestALineOfTheOutputMakesReady(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*lineLimit)
	tests := map[string]struct {
		pattern string
		pieces  []string
		ready   bool
	}{
		"a line":                          {`^held$`, []string{"a\nheld\nb\n"}, true},
		"a line in pieces":                {`^held$`, []string{"a\nhe", "l", "d", "\n"}, true},
		"a line as Windows ends it":       {`^held$`, []string{"held\r\n"}, true},
		"a part of a line":                {`held`, []string{"is held now\n"}, true},
		"not two lines":                   {`a.held`, []string{"a\nheld\n"}, false},
		"not a line that goes on":         {`^held$`, []string{"held", " by another\n"}, false},
		"a prompt, after a while":         {`^SQL> $`, []string{"hello\nSQL> "}, true},
		"the end of a line without end":   {`held$`, []string{long, "held\n"}, true},
		"the middle of one":               {`held`, []string{long + "held" + long}, true},
		"the beginning of one":            {`^held`, []string{"held" + long}, true},
		"an empty line":                   {`^$`, []string{"\n"}, true},
		"nothing":                         {`.`, nil, false},
		"not what comes after the report": {`late`, []string{"early\n"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReadiness(regexp.MustCompile(test.pattern))
			for _, piece := range test.pieces {
				r.see([]byte(piece))
			}
			select {
			case <-r.ready:
				assert.True(t, test.ready)
			case <-time.After(3 * quietLine):
				assert.False(t, test.ready)
			}
		})
	}
}

func TestManyLinesKeepNothing(t *testing.T) {
	r := newReadiness(regexp.MustCompile("never"))
	for range 1000 {
		r.see([]byte(strings.Repeat("line\n", 1000)))
		r.see([]byte(strings.Repeat("x", 1000)))
	}
	assert.LessOrEqual(t, cap(r.line), 2*lineLimit)
}
