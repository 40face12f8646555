package library

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// showHook writes a hook: what it is told, and what it does.
func showHook(p page, hook *v1alpha1.Hook, scripts bool) {
	fmt.Fprintf(p, "    %s  (%s)\n", hook.Name, conduct(hook))
	if hook.OnlyIf != nil {
		p.lines(6, "only if "+commandLine(hook.OnlyIf.Command)+" succeeds")
	}
	switch {
	case hook.Exec != nil:
		p.lines(6, commandLine(hook.Exec.Command))
	case hook.Script != nil:
		showScript(p, hook.Script, scripts)
	case hook.Hold != nil:
		p.lines(6, commandLine(hook.Hold.Command))
		showStdin(p, "its stdin, to hold until "+quote(hook.Hold.ReadyPattern)+" is answered:", hook.Hold.Stdin)
		showStdin(p, "and to let go:", hook.Hold.StopStdin)
	case hook.HTTPGet != nil:
		showRequest(p, "GET", &hook.HTTPGet.HTTPRequest)
	case hook.HTTPPost != nil:
		showRequest(p, "POST", &hook.HTTPPost.HTTPRequest)
		p.lines(8, hook.HTTPPost.Body)
		for _, field := range hook.HTTPPost.Form {
			p.lines(8, field.Name+"="+quote(field.Value))
		}
	case hook.TCPSocket != nil:
		p.lines(6, "connect to "+host(hook.TCPSocket.Host)+":"+hook.TCPSocket.Port.String())
	case hook.Job != nil:
		for _, container := range hook.Job.Template.Spec.Template.Spec.Containers {
			p.lines(6, strings.TrimSpace("Job of "+container.Image+" "+commandLine(append(container.Command, container.Args...))))
		}
	case hook.Init != nil:
		for i := range hook.Init.Containers {
			p.lines(6, "init container "+hook.Init.Containers[i].Name+" "+commandLine(append(hook.Init.Containers[i].Command, hook.Init.Containers[i].Args...)))
		}
	}
}

// conduct is how a hook goes, where it differs from what is usual.
func conduct(hook *v1alpha1.Hook) string {
	timeout := hook.Timeout.Duration
	if timeout == 0 {
		timeout = v1alpha1.DefaultTimeout
	}
	about := []string{"timeout " + short(timeout)}
	if hook.OnError == v1alpha1.Continue {
		about = append(about, "onError Continue")
	}
	for _, word := range []string{string(hook.RunOn), string(hook.ExecutionPolicy)} {
		if word != "" && word != string(v1alpha1.EachPod) && word != string(v1alpha1.Always) {
			about = append(about, word)
		}
	}
	if hook.WaitFor != "" {
		about = append(about, "waits for "+string(hook.WaitFor))
	}
	if hook.MaxRetries > 0 {
		about = append(about, fmt.Sprintf("up to %d retries", hook.MaxRetries))
	}
	return strings.Join(about, ", ")
}

// short is a duration without its empty parts, such as 5m.
func short(duration time.Duration) string {
	text := duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func showScript(p page, action *v1alpha1.ScriptAction, whole bool) {
	text := "HookScript " + action.Name
	if action.Inline != "" {
		interpreter, err := script.Parse(action.Inline)
		text = fmt.Sprintf("script of %d lines", strings.Count(strings.TrimRight(action.Inline, "\n"), "\n")+1)
		if err == nil {
			text += " for " + interpreter.String()
		}
	}
	if len(action.Args) > 0 {
		text += ": " + commandLine(action.Args)
	}
	p.lines(6, text)
	for i := range action.Env {
		if variable := &action.Env[i]; variable.ValueFrom != nil {
			p.lines(8, fmt.Sprintf("%s from key %s of Secret %s", variable.Name, variable.ValueFrom.SecretKeyRef.Key, variable.ValueFrom.SecretKeyRef.Name))
		} else {
			p.lines(8, variable.Name+"="+quote(variable.Value))
		}
	}
	if whole {
		p.lines(8, action.Inline)
	}
}

func showStdin(p page, heading, text string) {
	if text != "" {
		p.lines(6, heading)
		p.lines(8, text)
	}
}

func showRequest(p page, method string, request *v1alpha1.HTTPRequest) {
	p.lines(6, method+" "+address(request))
	for _, header := range request.HTTPHeaders {
		value := header.Value
		if header.ValueFrom != nil {
			value = fmt.Sprintf("key %s of Secret %s", header.ValueFrom.SecretKeyRef.Key, header.ValueFrom.SecretKeyRef.Name)
		}
		p.lines(8, header.Name+": "+value)
	}
}

func address(request *v1alpha1.HTTPRequest) string {
	if request.URL != "" {
		return request.URL
	}
	scheme := "http"
	if request.Scheme != "" {
		scheme = strings.ToLower(string(request.Scheme))
	}
	text := scheme + "://" + host(request.Host)
	if request.Port != nil {
		text += ":" + request.Port.String()
	}
	if !strings.HasPrefix(request.Path, "/") && !strings.HasPrefix(request.Path, "$(") {
		text += "/"
	}
	return text + request.Path
}

// host is where a request goes: the pod itself, unless it says otherwise.
func host(name string) string {
	if name == "" {
		return "POD"
	}
	return name
}

// plainWord needs no quotes for people to see where it ends. $(param) is what stands for a value here.
var plainWord = regexp.MustCompile(`^[-A-Za-z0-9_@%+=:,./$()]+$`)

// commandLine is an argv as a shell would take it, which people read most easily.
func commandLine(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
