package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// choices are what was picked for one cluster when it was first brought up. They are kept, so that a part which is
// started again has its old address.
type choices struct {
	Ports  map[string]int    `json:"ports"`
	Sysctl map[string]string `json:"sysctl"` // kernel settings as they were before
	optional
	// OnlyKubelet says that what lies in kubelet's fixed folder afterwards is ours.
	OnlyKubelet bool `json:"onlyKubelet"`
}

// wantedPorts are the usual ports; each moves upwards to the next free one.
var wantedPorts = []struct {
	name, address string
	port          int
}{
	{"etcd", loopback, 2379},
	{"etcd-peer", loopback, 2380},
	{"apiserver", bridgeAddress, 6443},
	{"controller-manager", loopback, 10257},
	{"scheduler", loopback, 10259},
	{"kubelet", loopback, 10250},
	{"kubelet-health", loopback, 10248},
	{"proxy-health", loopback, 10256},
	{"proxy-metrics", loopback, 10249},
	{"s3", bridgeAddress, 7070},
	{"kwok", loopback, 10247},
	{"velero-metrics", loopback, 8085},
	{"velero-profiler", loopback, 6060},
	{"snapshot-controller", loopback, 10240},
	{"csi-snapshotter", loopback, 10241},
	{"csi-provisioner", loopback, 10242},
}

func (l layout) choicesFile() string { return filepath.Join(l.cluster, "cluster.json") }

// readChoices answers errNoCluster when there is no cluster.
func (l layout) readChoices() (choices, error) {
	text, err := os.ReadFile(l.choicesFile())
	if errors.Is(err, os.ErrNotExist) {
		return choices{}, errNoCluster
	}
	if err != nil {
		return choices{}, err
	}
	var c choices
	if err := json.Unmarshal(text, &c); err != nil {
		return choices{}, fmt.Errorf("%s: %w: take the cluster down and up again", l.choicesFile(), err)
	}
	return c, nil
}

var errNoCluster = errors.New("there is no cluster: start one with `up`")

func (l layout) writeChoices(c choices) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(l.choicesFile(), append(text, '\n'), 0o644)
}

// writeWhole never leaves half a file behind.
func writeWhole(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unfinished := path + ".unfinished"
	if err := os.WriteFile(unfinished, content, mode); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}

// pickPorts finds a free port for each need that has none yet, as after an update of this program. The bridge's address
// must exist by now.
func pickPorts(ctx context.Context, picked map[string]int) (map[string]int, error) {
	ports := map[string]int{}
	taken := map[int]bool{}
	for name, port := range picked {
		ports[name], taken[port] = port, true
	}
	for _, want := range wantedPorts {
		if ports[want.name] != 0 {
			continue
		}
		port := want.port
		for taken[port] || !portFree(ctx, want.address, port) {
			port++
			if port > want.port+500 {
				return nil, fmt.Errorf("no free port for %s on %s between %d and %d", want.name, want.address, want.port, port)
			}
		}
		ports[want.name], taken[port] = port, true
	}
	return ports, nil
}

func portFree(ctx context.Context, address string, port int) bool {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
