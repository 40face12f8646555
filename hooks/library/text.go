package library

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// place is what a text is for, on which it depends what may be replaced in it.
type place int

const (
	// whole: values stand as they are.
	whole place = iota
	// address: a URL or a path, in which values are percent-encoded, but for one at its beginning: no address begins with what
	// would be encoded.
	address
	// input: what a program reads, in which a value could say anything; so only those that a pattern bounds.
	input
	// code: what a shell or another interpreter runs. No value may be a part of it, and any other $(…) is its own.
	code
	// settled: where no param is replaced. Any other $(…) is whose it is.
	settled
	// kubelets: what the kubelet expands itself when it starts a container, so that any other $(…) is one of its variables.
	kubelets
)

var (
	// reference is $(name), or with a second $ ahead of it the text $(name) itself.
	reference = regexp.MustCompile(`\$?\$\(([a-zA-Z_][a-zA-Z0-9_.-]*)\)`)
	// kubeletReference is $(name), or the kubelet's sign for one $ (k8s.io/kubernetes, third_party/forked/golang/expansion).
	kubeletReference = regexp.MustCompile(`\$\$|\$\(([a-zA-Z_][a-zA-Z0-9_.-]*)\)`)
)

// sessionPrefix begins the names of what a request is told of the session when it is sent, such as $(QUIESCE_OUTCOME). No param has
// such a name.
const sessionPrefix = "QUIESCE_"

// text replaces params in a text. What they stand for is not looked at again. Errors begin behind the text's field.
func (v *values) text(text string, in place) (string, error) {
	if !strings.Contains(text, "$(") {
		return text, nil
	}
	expression := reference
	if in == kubelets {
		expression = kubeletReference
	}
	var b strings.Builder
	end := 0
	for _, at := range expression.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[end:at[0]])
		end = at[1]
		found := text[at[0]:at[1]]
		if strings.HasPrefix(found, "$$") { // no reference
			if in == whole || in == address || in == input {
				found = found[1:]
			}
			b.WriteString(found)
			continue
		}
		name := text[at[2]:at[3]]
		param, declared := v.find(name)
		if !declared {
			if in == code || in == settled || in == kubelets || strings.HasPrefix(name, sessionPrefix) {
				b.WriteString(found)
				continue
			}
			return "", fmt.Errorf(": $(%s) is no param of the template: write one of %s, or $$(%[1]s) for the text itself", name, names(v.params))
		}
		if err := v.mayStand(param, in); err != nil {
			return "", err
		}
		v.used[param] = true
		value := v.given[param].Value
		switch {
		case in == address && at[0] > 0:
			value = percentEncode(value)
		case in == kubelets:
			value = strings.ReplaceAll(value, "$", "$$")
		}
		b.WriteString(value)
	}
	return b.String() + text[end:], nil
}

func (v *values) mayStand(place int, in place) error {
	param := &v.params[place]
	switch {
	case in == code:
		return fmt.Errorf(": $(%s) would become a part of a program's text, where its value could do anything: give it as an argument behind the text, "+
			`and write "$1" there; or, where the output of a command is meant, write $( %[1]s)`, param.Name)
	case in == settled:
		return fmt.Errorf(": no param is replaced here, and $(%s) is one: write what is meant, or give the param another name", param.Name)
	case param.Secret:
		return fmt.Errorf(": the param %q is secret, and may only be the whole of a script's variable, or of a header: "+
			"write it as the value of one of a script's env", param.Name)
	case in == input && param.Pattern == "":
		return fmt.Errorf(": the param %q would be a part of what a program reads, where it could say anything: give it a pattern, such as [a-z0-9_]+", param.Name)
	}
	return nil
}

// source replaces params in a value that may come from a Secret: a secret param where it is the whole of it.
func (v *values) source(value string, from *v1alpha1.ValueSource) (string, *v1alpha1.ValueSource, error) {
	if from != nil {
		return value, from, nil
	}
	if match := reference.FindStringSubmatch(value); len(match) > 0 && match[0] == value && !strings.HasPrefix(value, "$$") {
		if param, declared := v.find(match[1]); declared && v.params[param].Secret {
			v.used[param] = true
			return "", v.given[param].ValueFrom, nil
		}
	}
	replaced, err := v.text(value, whole)
	return replaced, nil, err
}

// percentEncode leaves what is unreserved (RFC 3986, section 2.3).
func percentEncode(value string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(value) {
		char := value[i]
		switch {
		case 'a' <= char && char <= 'z', 'A' <= char && char <= 'Z', '0' <= char && char <= '9', strings.IndexByte("-._~", char) >= 0:
			b.WriteByte(char)
		default:
			b.Write([]byte{'%', digits[char>>4], digits[char&15]})
		}
	}
	return b.String()
}

var errTwoValues = errors.New(": write value or valueFrom, not both")
