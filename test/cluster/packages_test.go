package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMissingPackages(t *testing.T) {
	needs := []need{{"containerd", "containerd"}, {"containerd", "ctr"}, {"runc", "runc"}, {"nftables", "nft"}}
	has := func(programs ...string) func(string) bool {
		return func(program string) bool {
			for _, p := range programs {
				if p == program {
					return true
				}
			}
			return false
		}
	}
	assert.Empty(t, missingPackages(needs, has("containerd", "ctr", "runc", "nft")), "wherever they come from")
	assert.Equal(t, []string{"containerd", "nftables"}, missingPackages(needs, has("runc")), "each package once")
}
