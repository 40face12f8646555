package action

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestABodyIsSentAsWhatItIs(t *testing.T) {
	const jsonType, textType, formType = "application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded"
	tests := map[string]struct {
		body       string
		form       []FormField
		given      string
		want, kind string
	}{
		"nothing":                {"", nil, "", "", ""},
		"JSON":                   {` {"a": [1]} `, nil, "", ` {"a": [1]} `, jsonType},
		"a number":               {"1", nil, "", "1", jsonType},
		"nearly JSON":            {"{'a': 1}", nil, "", "{'a': 1}", textType},
		"text":                   {"grüezi", nil, "", "grüezi", textType},
		"what a header says":     {`{"a":1}`, nil, "application/x-ndjson", `{"a":1}`, "application/x-ndjson"},
		"a form, in its order":   {"", []FormField{{"z", "1"}, {"a", "2"}, {"z", "3"}}, "", "z=1&a=2&z=3", formType},
		"a form of anything":     {"", []FormField{{"a b", "ü&=\n"}, {"empty", ""}}, "", "a+b=%C3%BC%26%3D%0A&empty=", formType},
		"a form, called another": {"", []FormField{{"a", "b"}}, "text/plain", "a=b", "text/plain"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if test.given != "" {
				header.Set("content-type", test.given)
			}
			assert.Equal(t, test.want, PostBody(header, test.body, test.form))
			assert.Equal(t, test.kind, header.Get("Content-Type"))
		})
	}
}
