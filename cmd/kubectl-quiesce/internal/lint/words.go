package lint

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quiesce-io/quiesce/hooks/manifest"
)

var (
	inBody = regexp.MustCompile(`^\S* ?in body `)
	ofType = regexp.MustCompile(`must be of type ([a-z,]+): "?([a-z]+)"?`)
	quoted = regexp.MustCompile(`"([^"]*)"`)
)

// path is a field as an error has it, which is "<nil>" or empty for the object itself.
func path(of string) string {
	if of == "<nil>" {
		return ""
	}
	return of
}

// words say what an error of the API server's validation means to the author of a file.
func words(mistake *field.Error) string {
	detail := inOurs(inBody.ReplaceAllString(mistake.Detail, "it "))
	switch mistake.Type {
	case field.ErrorTypeRequired:
		name := mistake.Field[strings.LastIndex(mistake.Field, ".")+1:]
		if detail == "" {
			return fmt.Sprintf("there is no %s, which it must have: write it", name)
		}
		return fmt.Sprintf("there is no %s: %s", name, detail)
	case field.ErrorTypeNotSupported:
		var values []string
		for _, value := range quoted.FindAllStringSubmatch(detail, -1) {
			values = append(values, value[1])
		}
		return fmt.Sprintf("%s is not known here: write %s", short(mistake.BadValue), alternatives(values))
	case field.ErrorTypeTypeInvalid:
		if match := ofType.FindStringSubmatch(detail); len(match) == 3 {
			if sentence := manifest.Mistyped(match[2], match[1]); sentence != "" {
				return sentence
			}
		}
		return detail
	case field.ErrorTypeDuplicate:
		return short(mistake.BadValue) + " is there twice: give each its own, or leave one of them out"
	case field.ErrorTypeTooLong:
		return "it is too long: " + detail
	case field.ErrorTypeTooMany:
		return fmt.Sprintf("it has %v: %s", mistake.BadValue, detail)
	case field.ErrorTypeInvalid:
		// The value of what a rule refuses is given as its type.
		if value, is := mistake.BadValue.(string); is && value != "" && value != "object" && value != "array" && !strings.Contains(detail, value) {
			return short(value) + ": " + detail
		}
	}
	if detail == "" {
		return mistake.ErrorBody()
	}
	return detail
}

// phrases are those of the libraries of Kubernetes, and what stands in their place.
var phrases = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^name or generateName is required$`), "write it"},
	{regexp.MustCompile(`^a lowercase RFC 1123 subdomain must consist of .*$`), "write lower-case letters, digits, hyphens and dots, with a letter or digit at both ends, such as shop-db"},
	{regexp.MustCompile(`^a lowercase RFC 1123 label must consist of .*$`), "write lower-case letters, digits and hyphens, with a letter or digit at both ends, such as shop-db"},
	{regexp.MustCompile(`^name part must consist of .*$`), "write letters, digits, hyphens, underscores and dots, with a letter or digit at both ends, such as app or example.com/app"},
	{regexp.MustCompile(`^a valid label must be .*$`), "write letters, digits, hyphens, underscores and dots, with a letter or digit at both ends"},
	{regexp.MustCompile(`^it should be at least 1 chars long$`), "it is empty: write it, or leave the field out"},
	{regexp.MustCompile(`^it should be at least (\d+) chars long$`), "write at least $1 characters"},
	{regexp.MustCompile(`^it should be at most (\d+) chars long$`), "write at most $1 characters"},
	{regexp.MustCompile(`^it should have at least 1 (items|properties)$`), "it is empty: write one, or leave the field out"},
	{regexp.MustCompile(`^it should have at least (\d+) items$`), "write at least $1"},
	{regexp.MustCompile(`^it should be less than or equal to (\S+)$`), "write at most $1"},
	{regexp.MustCompile(`^it should be greater than or equal to (\S+)$`), "write at least $1"},
	// What is left has the expression by which it was judged.
	{regexp.MustCompile(` \(e\.g\. .*, regex used for validation is '.*'\)$`), ""},
}

// inOurs is a sentence of the libraries in the words in which ours are.
func inOurs(sentence string) string {
	for _, phrase := range phrases {
		sentence = phrase.theirs.ReplaceAllString(sentence, phrase.ours)
	}
	return sentence
}

// short is a value in a sentence.
func short(value any) string {
	switch value := value.(type) {
	case string:
		return fmt.Sprintf("%.100q", value)
	case map[string]any:
		if name, is := value["name"].(string); is {
			return fmt.Sprintf("%.100q", name)
		}
	}
	return fmt.Sprintf("%.100v", value)
}

func alternatives(values []string) string {
	if len(values) < 2 {
		return strings.Join(values, "")
	}
	return strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
}
