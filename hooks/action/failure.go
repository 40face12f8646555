package action

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilexec "k8s.io/client-go/util/exec"
	streamhttp "k8s.io/streaming/pkg/httpstream"
)

// failure reads why a stream ended that brought no report: from our own error, from the API server's answer, or from the
// sentence with which the kubelet and the container's runtime explain themselves. Those have no form that is documented.
func failure(target Target, err error, shell bool) *Result {
	if exit := (utilexec.CodeExitError{}); errors.As(err, &exit) {
		return statusCode(target, exit.Code, shell)
	}
	upgraded := true
	if refused := (*streamhttp.UpgradeFailureError)(nil); errors.As(err, &refused) {
		upgraded, err = false, refused.Cause
	}
	if errors.Is(err, errUnproven) {
		return &Result{Reason: Unknown, Process: MayRun, Message: fmt.Sprintf("the API server says that the command in %s has succeeded, but nothing proves it: %v; "+
			"where the container has a shell, set shell: Posix in the policy; otherwise let SPDY through to the API server", target, err)}
	}
	message := plain(err)
	if answer := apierrors.APIStatus(nil); errors.As(err, &answer) {
		if refused := refusedBy(target, err, message, answer); refused != nil {
			return refused
		}
	}
	if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
		return refusal(Unreachable, "the API server cannot be reached: "+message)
	}
	for _, known := range knownSentences {
		if known.sentence.MatchString(message) {
			if known.reason == NotStarted && strings.Contains(message, "/bin/sh") && shell {
				return refusal(NoShell, fmt.Sprintf("%s has no /bin/sh: set shell: None in the policy (%s)", target, message))
			}
			return refusal(known.reason, fmt.Sprintf("%s: %s", target, message))
		}
	}
	switch {
	case !upgraded:
		return refusal(Unreachable, "the API server refused the connection: "+message)
	case errors.Is(err, errNoStatus), lostSentence.MatchString(message):
		return &Result{Reason: ConnectionLost, Process: MayRun, Message: fmt.Sprintf("the connection to %s was lost before the command's end was known: %s", target, message)}
	}
	return &Result{Reason: Unknown, Process: MayRun, Message: fmt.Sprintf("the command's end in %s is not known: %s", target, message)}
}

// query is what follows the path of a URL: the whole command, of which no message is to tell.
var query = regexp.MustCompile(`(\w+://[^\s"?]*)\?[^\s"]*`)

// plain is an error's text without the command, and no longer than a sentence may be.
func plain(err error) string {
	return short(query.ReplaceAllString(err.Error(), "$1"))
}

// short is a message no longer than a sentence may be.
func short(message string) string {
	return strings.ToValidUTF8(message[:min(len(message), messageLimit)], "")
}

const messageLimit = 1 << 10

// notSpoken tells whether a protocol is not to be had, as opposed to an API server that speaks it and refuses.
func notSpoken(err error) bool {
	refused := (*streamhttp.UpgradeFailureError)(nil)
	answer := apierrors.APIStatus(nil)
	return streamhttp.IsHTTPSProxyError(err) || errors.As(err, &refused) && !errors.As(refused.Cause, &answer)
}

// statusCode is the result of a command that ended with a code, as the runtime says. A call's shell would have reported.
func statusCode(target Target, code int, shell bool) *Result {
	if !shell {
		return &Result{Reason: ExitCode, Code: new(code), Process: HasEnded, Message: fmt.Sprintf("the command ended with code %d", code)}
	}
	return &Result{
		Reason: ExitCode, Code: new(code), Process: MayRun,
		Message: fmt.Sprintf("the shell that ran the command in %s ended with code %d before the command did", target, code),
	}
}

// refusedBy reads an answer of the API server, or nil.
func refusedBy(target Target, err error, message string, answer apierrors.APIStatus) *Result {
	switch {
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return refusal(Forbidden, fmt.Sprintf("cannot run commands in %s: %s", target, message))
	case apierrors.IsNotFound(err):
		return refusal(PodGone, fmt.Sprintf("pod %s/%s is gone: %s", target.Namespace, target.Pod, message))
	case apierrors.IsBadRequest(err) && strings.Contains(message, "is not valid for pod"):
		return refusal(ContainerNotFound, message)
	case apierrors.IsBadRequest(err):
		return refusal(NotRunning, fmt.Sprintf("%s does not run: %s", target, message))
	case answer.Status().Code >= 500 && !knownSentence(message):
		return refusal(Unreachable, fmt.Sprintf("cannot run commands in %s: %s", target, message))
	}
	return nil
}

// knownSentences are those of kubelet, containerd, CRI-O and runc that say that nothing was run.
var knownSentences = []struct {
	reason   Reason
	sentence *regexp.Regexp
}{
	{NotStarted, regexp.MustCompile(`(?i)executable file( ` + "`" + `?\S*)? not found|unable to start container process|exec failed: .*(no such file or directory|permission denied)|no such file or directory.*OCI runtime`)},
	{NotRunning, regexp.MustCompile(`(?i)container not found|container (is )?not (in )?(running|created)|container is in CONTAINER_EXITED state|cannot exec in a (stopped|deleted) (container|state)|completed pod|does not have a host assigned|task .* not found`)},
	{PodGone, regexp.MustCompile(`pod does not exist|pods ".*" not found`)},
	{Unreachable, regexp.MustCompile(`error dialing backend|dial tcp .*(connection refused|no route to host|i/o timeout)`)},
}

func knownSentence(message string) bool {
	for _, known := range knownSentences {
		if known.sentence.MatchString(message) {
			return true
		}
	}
	return false
}

// lostSentence is what is said of connections that end before their time.
var lostSentence = regexp.MustCompile(`(?i)EOF|connection reset|broken pipe|closed network connection|next reader|error reading from error stream|close 1006|going away|client connection lost|i/o timeout`)
