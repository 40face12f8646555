package main

import (
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/quiesce-io/quiesce/hooks/library"
	"github.com/quiesce-io/quiesce/hooks/script"
	"github.com/quiesce-io/quiesce/hooks/usage/librarian"
)

// addLibrary adds what keeps HookScripts and HookTemplates.
func addLibrary(mgr manager.Manager) error {
	return (&librarian.Librarian{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("quiesce-controller"),
		Settings: librarian.Settings{
			CheckScript: library.CheckScript, CheckTemplate: library.CheckTemplate, Interpreter: interpreter, Version: library.Version,
		},
	}).SetupWithManager(mgr)
}

// interpreter is what a script's first line names; empty where it names none.
func interpreter(source string) string {
	named, err := script.Parse(source)
	if err != nil {
		return ""
	}
	return named.String()
}
