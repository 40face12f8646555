package action

import (
	"strconv"
	"time"
)

// Reason says in a word how it came out.
type Reason string

// The reasons.
const (
	Succeeded         Reason = "Succeeded"         // the command ended with code 0, and the container has said so; or a request went well
	ExitCode          Reason = "ExitCode"          // it ended with another, or before it was to
	TimedOut          Reason = "TimedOut"          // it did not end, or was not ready, in time
	Cancelled         Reason = "Cancelled"         // its context was cancelled
	ConnectionLost    Reason = "ConnectionLost"    // nobody knows how it ended, if it has
	Unknown           Reason = "Unknown"           // an answer that we do not understand
	NotStarted        Reason = "NotStarted"        // the container's runtime could not start it
	NoShell           Reason = "NoShell"           // the container lacks /bin/sh, /proc or sleep
	Busy              Reason = "Busy"              // another backup is quiescing the container
	NotRunning        Reason = "NotRunning"        // the container, or its pod, does not run
	ContainerNotFound Reason = "ContainerNotFound" // the pod has no such container
	PodGone           Reason = "PodGone"           // the pod is gone, or another has its name
	Forbidden         Reason = "Forbidden"         // the API server does not let us
	Unreachable       Reason = "Unreachable"       // the API server, the node, or where a request was to go did not answer
	Refused           Reason = "Refused"           // the API server would not have it as it is, or an administrator
	JobFailed         Reason = "JobFailed"         // the Job failed, and no container's code says why
	SecretNotFound    Reason = "SecretNotFound"    // there is no such Secret, or no such key in it
	NamespaceEnding   Reason = "NamespaceEnding"   // the namespace is being deleted, and takes nothing new
	NoWebSocket       Reason = "NoWebSocket"       // a hold needs one, and there is none to be had
	Status            Reason = "Status"            // a request was answered, with a status that is not 200 to 399
	AddressRefused    Reason = "AddressRefused"    // no request of a hook's may go there
	TLSFailed         Reason = "TLSFailed"         // the server could not be verified, or spoken to over TLS
	BadRequest        Reason = "BadRequest"        // it cannot be sent as it is written
)

// Process says what is known of the command's process when the result comes. Of a request, it is what the server does for it.
type Process string

// What is known of a process.
const (
	NeverRan Process = "NeverRan" // nothing was run, nor sent
	HasEnded Process = "Ended"    // it has ended, or was ended, or was answered
	MayRun   Process = "MayRun"   // it may still run
)

// Result is how a command came out.
type Result struct {
	Reason Reason
	// Code is the command's, where it is known. A request has none.
	Code *int
	// Message is a sentence for people.
	Message string
	// Output is the end of what the command wrote, stdout and stderr together, or the beginning of an answer's body: at most 2 KiB, valid
	// UTF-8.
	Output   string
	Process  Process
	Duration time.Duration
	Guard    GuardState
}

// GuardState is what there is to know of a watchdog that was started or ended with a command.
type GuardState string

// What there may be to know.
const (
	// TookOver: it was started in place of one that could not thaw everything. All is to be thawed in the end.
	TookOver GuardState = "TookOver"
	// ThawedEarly: there was none any more to be ended.
	ThawedEarly GuardState = "ThawedEarly"
)

// CodeText is the code, or N/A where there is none.
func (r Result) CodeText() string {
	if r.Code == nil {
		return "N/A"
	}
	return strconv.Itoa(*r.Code)
}

// refusal is the result of what was never run.
func refusal(reason Reason, message string) *Result {
	return &Result{Reason: reason, Message: message, Process: NeverRan}
}
