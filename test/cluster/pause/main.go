// Command pause is process 1 of every pod sandbox: it holds the pod's namespaces and does nothing else.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	// Under a shared process namespace it inherits what pods orphan; ignoring SIGCHLD has the kernel reap them.
	signal.Ignore(syscall.SIGCHLD)
	<-stop
}
