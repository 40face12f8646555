package lint

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	inBody  = regexp.MustCompile(`^\S* ?in body `)
	ofType  = regexp.MustCompile(`must be of type ([a-z,]+): "?([a-z]+)"?`)
	quoted  = regexp.MustCompile(`"([^"]*)"`)
	article = map[string]string{"string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false",
		"array": "a list", "object": "a mapping", "null": "empty"}
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
	detail := inBody.ReplaceAllString(mistake.Detail, "it ")
	switch mistake.Type {
	case field.ErrorTypeRequired:
		name := mistake.Field[strings.LastIndex(mistake.Field, ".")+1:]
		if detail == "" {
			return fmt.Sprintf("there is no %s, which it must have: write it", name)
		}
		return name + ": " + detail
	case field.ErrorTypeNotSupported:
		var values []string
		for _, value := range quoted.FindAllStringSubmatch(detail, -1) {
			values = append(values, value[1])
		}
		return fmt.Sprintf("%s is not known here: write %s", short(mistake.BadValue), alternatives(values))
	case field.ErrorTypeTypeInvalid:
		if match := ofType.FindStringSubmatch(detail); len(match) == 3 && article[match[1]] != "" && article[match[2]] != "" {
			hint := ""
			if match[1] == "string" {
				hint = ": write it in quotes"
			}
			if match[2] == "object" && strings.Contains(fmt.Sprint(mistake.BadValue), "{{") {
				hint = ": is this a template that has not been rendered?"
			}
			return fmt.Sprintf("it is %s and must be %s%s", article[match[2]], article[match[1]], hint)
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
