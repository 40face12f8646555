package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Some paths outside the cluster's folder are compiled into the programs that use them, and shared with any other
// Kubernetes on the machine. Only what is known to be ours is removed from them.

// devicePlugins is kubelet's folder for device plugins whatever its root is.
const devicePlugins = "/var/lib/kubelet/device-plugins"

// sharedFolders are made when missing; they are removed when nothing is left in them, children first.
var sharedFolders = []string{
	devicePlugins, "/var/lib/kubelet", "/var/log/containers", "/var/lib/cni/results", "/var/lib/cni", "/run/containerd/s",
	"/run/containerd/runc/k8s.io", "/run/containerd/runc", "/run/containerd",
}

func (l layout) removeStrayFiles(chosen choices) error {
	var files []string
	files = append(files, l.shimSockets()...)
	files = append(files, attachmentResults("/var/lib/cni/results")...)
	files = append(files, l.logLinks("/var/log/containers")...)
	if chosen.OnlyKubelet {
		left, _ := filepath.Glob(devicePlugins + "/*")
		files = append(files, left...)
	}
	var problems []error
	for _, file := range files {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	for _, folder := range sharedFolders {
		_ = os.Remove(folder) // stays when somebody else has something in it
	}
	return errors.Join(problems...)
}

// onlyKubelet says whether no kubelet has left anything here before ours.
func onlyKubelet() bool {
	_, err := os.Stat(devicePlugins)
	return errors.Is(err, os.ErrNotExist)
}

// shimSockets lists the sockets of shims; each task's folder names its shim's own.
func (l layout) shimSockets() []string {
	files, _ := filepath.Glob(filepath.Join(l.containerdState(), "io.containerd.runtime.v2.task", "*", "*", "address"))
	var sockets []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if path, found := strings.CutPrefix(strings.TrimSpace(string(text)), "unix://"); err == nil && found {
			sockets = append(sockets, path)
		}
	}
	return sockets
}

// attachmentResults lists what libcni has kept of each pod's attachment to our network, and to the loopback network of
// the same sandbox: NETWORK-SANDBOX-INTERFACE.
func attachmentResults(folder string) []string {
	ours, _ := filepath.Glob(filepath.Join(folder, networkName+"-*-eth0"))
	files := ours
	for _, file := range ours {
		sandbox := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), networkName+"-"), "-eth0")
		files = append(files, filepath.Join(folder, "cni-loopback-"+sandbox+"-lo"))
	}
	return files
}

// logLinks lists the links that kubelet has made to container logs in its own folder.
func (l layout) logLinks(folder string) []string {
	links, _ := filepath.Glob(filepath.Join(folder, "*.log"))
	var ours []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, l.cluster+"/") {
			ours = append(ours, link)
		}
	}
	return ours
}
