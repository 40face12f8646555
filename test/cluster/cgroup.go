package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cgroupRoot holds all pods. Kubelet requires that it exists, in each hierarchy of cgroup v1 or in the one of v2.
const cgroupRoot = "quiesce-cluster"

const cgroupMount = "/sys/fs/cgroup"

// cgroupHierarchies lists the mounted hierarchies: one folder each under v1, the mount itself under v2.
func cgroupHierarchies(mount string) []string {
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		return []string{mount}
	}
	var hierarchies []string
	entries, _ := os.ReadDir(mount)
	for _, entry := range entries {
		// Links such as cpu → cpu,cpuacct name a hierarchy a second time.
		if entry.IsDir() {
			hierarchies = append(hierarchies, filepath.Join(mount, entry.Name()))
		}
	}
	return hierarchies
}

func makeCgroups() error {
	for _, hierarchy := range cgroupHierarchies(cgroupMount) {
		passOnControllers(hierarchy)
		folder := filepath.Join(hierarchy, cgroupRoot)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("cgroup for the pods: %w", err)
		}
		// A new cpuset of v1 has no processors and no memory, and takes no process until it has.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			own, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil || strings.TrimSpace(string(own)) != "" {
				continue
			}
			parents, err := os.ReadFile(filepath.Join(hierarchy, file))
			if err != nil {
				continue // v2 inherits
			}
			if err := os.WriteFile(filepath.Join(folder, file), parents, 0o644); err != nil {
				return fmt.Errorf("cgroup for the pods: %w", err)
			}
		}
	}
	return nil
}

// passOnControllers lets the groups of v2 have every controller there is: kubelet refuses a root without cpuset or hugetlb.
// Under v1 there is no such file. What cannot be passed on, kubelet names.
func passOnControllers(hierarchy string) {
	text, err := os.ReadFile(filepath.Join(hierarchy, "cgroup.controllers"))
	if err != nil {
		return
	}
	for _, controller := range strings.Fields(string(text)) {
		_ = os.WriteFile(filepath.Join(hierarchy, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}

// cgroupProcesses lists the processes in our cgroup: all that runs in pods, and nothing else.
func cgroupProcesses() []identity {
	seen := map[int]bool{}
	var found []identity
	eachCgroup(func(folder string) {
		text, _ := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		for _, field := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil || seen[pid] {
				continue
			}
			seen[pid] = true
			if id, err := proc.identify(pid); err == nil && proc.alive(id) {
				found = append(found, id)
			}
		}
	})
	return found
}

// removeCgroups removes our cgroups from the leaves up. A cgroup stays busy for a moment after its last process ended.
func removeCgroups() error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		var last error
		eachCgroup(func(folder string) {
			if err := os.Remove(folder); err != nil {
				last = err
			}
		})
		if last == nil || time.Now().After(deadline) {
			return last
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// eachCgroup visits our cgroups, children before parents.
func eachCgroup(visit func(folder string)) {
	for _, hierarchy := range cgroupHierarchies(cgroupMount) {
		var folders []string
		_ = filepath.WalkDir(filepath.Join(hierarchy, cgroupRoot), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		for i := len(folders) - 1; i >= 0; i-- {
			visit(folders[i])
		}
	}
}
