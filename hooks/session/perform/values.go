package perform

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quiesce-io/quiesce/hooks/action"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// secret reads a value that stands in a Secret. From then on it is not in anything that is written.
func (a *attempt) secret(ctx context.Context, source *v1alpha1.ValueSource) (string, error) {
	value, err := a.means.Secrets.Value(ctx, a.Run.Namespace, source.SecretKeyRef.Name, source.SecretKeyRef.Key)
	if err == nil {
		a.secrets = append(a.secrets, value)
	}
	return value, err
}

// withoutSecret is the result of a hook that lacks a Secret: nothing was run.
func (a *attempt) withoutSecret(err error) *v1alpha1.PodResult {
	result := action.Result{Reason: action.Unknown, Process: action.NeverRan, Message: err.Error()}
	if refused, is := errors.AsType[*action.SecretError](err); is {
		result.Reason = refused.Reason
	}
	return a.say(result)
}

const (
	// redacted stands in the place of a Secret's value.
	redacted = "[redacted]"
	// telling is how many characters of a value say something of it, when the rest was cut off.
	telling = 4
	// word is how long a word of a value is at least that is looked for by itself, such as a token behind Bearer.
	word = 6
)

// redact takes the values of Secrets out of a text, of which both ends may have been cut off.
func redact(text string, secrets []string) string {
	for _, value := range traces(secrets) {
		text = strings.ReplaceAll(text, value, redacted)
		for cut := 1; len(value)-cut >= telling; cut++ {
			if rest, begins := strings.CutPrefix(text, value[cut:]); begins {
				text = redacted + rest
				break
			}
		}
		for left := len(value) - 1; left >= telling; left-- {
			if rest, ends := strings.CutSuffix(text, value[:left]); ends {
				text = rest + redacted
				break
			}
		}
	}
	return text
}

// traces are the forms in which values may come back, the longest first: each as a whole, its lines and words, the pair behind Basic, and all of
// them as JSON and URLs write them.
func traces(secrets []string) []string {
	found := map[string]bool{}
	for _, secret := range secrets {
		values := append([]string{secret}, strings.Split(secret, "\n")...)
		for _, field := range strings.Fields(secret) {
			if len(field) < word {
				continue
			}
			values = append(values, field)
			if pair, err := base64.StdEncoding.DecodeString(field); err == nil && utf8.Valid(pair) {
				_, password, _ := strings.Cut(string(pair), ":")
				values = append(values, string(pair), password)
			}
		}
		for _, value := range values {
			for _, form := range forms(strings.TrimSpace(value)) {
				found[form] = true
			}
		}
	}
	delete(found, "")
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
}

func forms(value string) []string {
	written := []string{value, url.QueryEscape(value), url.PathEscape(value)}
	if quoted, err := json.Marshal(value); err == nil {
		written = append(written, strings.Trim(string(quoted), `"`))
	}
	return written
}
