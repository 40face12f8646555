package main

import (
	"os"
	"path/filepath"
	"strings"
)

// changedSettings are the kernel settings that parts change: the bridge plugin turns on forwarding, kubelet the rest
// (its container manager's setupKernelTunables). They are noted before and put back by `down`.
var changedSettings = []string{
	"net/ipv4/ip_forward",
	"vm/overcommit_memory", "vm/panic_on_oom",
	"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

func readSettings(root string) map[string]string {
	settings := map[string]string{}
	for _, name := range changedSettings {
		if text, err := os.ReadFile(filepath.Join(root, name)); err == nil {
			settings[name] = strings.TrimSpace(string(text))
		}
	}
	return settings
}

// restoreSettings writes back only what differs.
func restoreSettings(root string, before map[string]string) error {
	now := readSettings(root)
	for name, value := range before {
		if now[name] == value {
			continue
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}
