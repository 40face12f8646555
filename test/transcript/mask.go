package transcript

import "regexp"

// generated are the ends of names as the API server makes them up (k8s.io/apimachinery: pkg/util/rand), of a ReplicaSet's pods too.
var generated = regexp.MustCompile(`\b([a-z][a-z0-9.-]*?)(-[bcdf-hj-np-tv-xz2456789]{8,10})?-[bcdf-hj-np-tv-xz2456789]{5}\b`)

// masks are what differs each time, and what stands for it. They apply in this order.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "UID"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d( [+-]\d{4}| [A-Z]+)?`), "TIME"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?`), "TIME"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d( \d\d:\d\d UTC)?\b`), "DAY"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?\b`), "TIME"},
	{regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b`), "ADDRESS"},
	{regexp.MustCompile(`(resourceVersion: )"\d+"`), `${1}"VERSION"`},
	// By which run tells its own sessions from others.
	{regexp.MustCompile(`(app\.kubernetes\.io/instance=)[a-z0-9]{8}\b`), "${1}NAME"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ns|µs|ms|s|m|h|d|y))+\b`), "DURATION"},
	{regexp.MustCompile(`\b\d+(\.\d+)? seconds?\b`), "DURATION"},
	// Columns are as wide as what stands in them.
	{regexp.MustCompile(`(\S)[ \t]{2,}`), "$1  "},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

// Mask puts words in the place of all that differs each time a command is run.
func Mask(output string) string {
	output = generated.ReplaceAllString(output, "$1-NAME")
	for _, mask := range masks {
		output = mask.pattern.ReplaceAllString(output, mask.with)
	}
	return output
}
