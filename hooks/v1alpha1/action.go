package v1alpha1

// The actions, by the fields in which hooks have them.
const (
	ActionExec      = "exec"
	ActionScript    = "script"
	ActionHold      = "hold"
	ActionHTTPGet   = "httpGet"
	ActionHTTPPost  = "httpPost"
	ActionTCPSocket = "tcpSocket"
	ActionJob       = "job"
	ActionInit      = "init"
)

// Action is the field by which the hook says what it does; empty for one that says nothing.
func (h *Hook) Action() string {
	switch {
	case h.Exec != nil:
		return ActionExec
	case h.Script != nil:
		return ActionScript
	case h.Hold != nil:
		return ActionHold
	case h.HTTPGet != nil:
		return ActionHTTPGet
	case h.HTTPPost != nil:
		return ActionHTTPPost
	case h.TCPSocket != nil:
		return ActionTCPSocket
	case h.Job != nil:
		return ActionJob
	case h.Init != nil:
		return ActionInit
	}
	return ""
}

// Action is that of the hook which was resolved.
func (h *ResolvedHook) Action() string {
	return (&Hook{Exec: h.Exec, Script: h.Script, Hold: h.Hold, HTTPGet: h.HTTPGet, HTTPPost: h.HTTPPost, TCPSocket: h.TCPSocket, Job: h.Job}).Action()
}

// ForSessionsOnly tells of actions that Velero's annotations, which have nothing but commands, cannot express.
func ForSessionsOnly(action string) bool {
	switch action {
	case ActionHold, ActionHTTPGet, ActionHTTPPost, ActionTCPSocket, ActionJob:
		return true
	}
	return false
}
