package main

import "slices"

// optional are the parts that not every cluster has. What was asked for once stays until `down`.
type optional struct {
	Velero    bool `json:"velero"`
	NodeAgent bool `json:"nodeAgent"` // never without Velero
	Kwok      bool `json:"kwok"`
	CSI       bool `json:"csi"`
}

// parseOptional reads the flags of `up`.
func parseOptional(flags []string) (_ optional, ok bool) {
	var o optional
	for _, flag := range flags {
		switch flag {
		case "--velero":
			o.Velero = true
		case "--node-agent":
			o.Velero, o.NodeAgent = true, true
		case "--kwok":
			o.Kwok = true
		case "--csi":
			o.CSI = true
		default:
			return optional{}, false
		}
	}
	return o, true
}

func (o optional) and(other optional) optional {
	return optional{
		Velero: o.Velero || other.Velero, NodeAgent: o.NodeAgent || other.NodeAgent, Kwok: o.Kwok || other.Kwok, CSI: o.CSI || other.CSI,
	}
}

// binaries names all that a cluster with these parts is built from.
func (o optional) binaries() []string {
	names := slices.Clone(clusterBinaries)
	if o.Velero {
		names = append(names, veleroBinaries...)
	}
	if o.NodeAgent {
		names = append(names, agentBinaries...)
	}
	if o.Kwok {
		names = append(names, kwokBinaries...)
	}
	if o.CSI {
		names = append(names, csiBinaries...)
	}
	return names
}
