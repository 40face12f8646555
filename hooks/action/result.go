package action

import (
	"strconv"
	"time"
)

// Reason says in a word how it came out.
type Reason string

// The reasons.
const (
	Succeeded         Reason = "Succeeded"         // the command ended with code 0, and the container has said so
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
	Unreachable       Reason = "Unreachable"       // the API server, or the node, did not answer
	NoWebSocket       Reason = "NoWebSocket"       // a hold needs one, and there is none to be had
)

// Process says what is known of the command's process when the result comes.
type Process string

// What is known of a process.
const (
	NeverRan Process = "NeverRan" // nothing was run
	HasEnded Process = "Ended"    // it has ended, or was ended
	MayRun   Process = "MayRun"   // it may still run
)

// Result is how a command came out.
type Result struct {
	Reason Reason
	// Code is the command's, where it is known.
	Code *int
	// Message is a sentence for people.
	Message string
	// Output is the end of what the command wrote, stdout and stderr together: at most 2 KiB, valid UTF-8.
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
