package action

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// FormField is a field of a form.
type FormField struct{ Name, Value string }

// PostBody is the body of a POST: the form's fields in their order, or else the body as it is written. Where the header, which is
// not to be nil, does not say what it is, that is given a Content-Type.
func PostBody(header http.Header, body string, form []FormField) string {
	contentType := "text/plain; charset=utf-8"
	switch {
	case len(form) > 0:
		body, contentType = encodeForm(form), "application/x-www-form-urlencoded"
	case json.Valid([]byte(body)):
		contentType = "application/json"
	}
	if body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", contentType)
	}
	return body
}

func encodeForm(form []FormField) string {
	var encoded strings.Builder
	for i, field := range form {
		if i > 0 {
			encoded.WriteByte('&')
		}
		encoded.WriteString(url.QueryEscape(field.Name) + "=" + url.QueryEscape(field.Value))
	}
	return encoded.String()
}
