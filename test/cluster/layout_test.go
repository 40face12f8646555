package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindLayout(t *testing.T) {
	tests := map[string]struct {
		cache, cluster, home   string
		wantCache, wantCluster string
		problem                string
	}{
		"by default below the user's cache": {home: "/h", wantCache: "/h/.cache/quiesce", wantCluster: "/h/.cache/quiesce/cluster"},
		"the cluster lies in the cache":     {home: "/h", cache: "/c", wantCache: "/c", wantCluster: "/c/cluster"},
		"both can be said":                  {cache: "/c", cluster: "/k", wantCache: "/c", wantCluster: "/k"},
		"no home and nothing said":          {problem: "QUIESCE_CACHE"},
		"too long for a socket":             {cache: "/" + strings.Repeat("c", 60), problem: "QUIESCE_CLUSTER"},
		"a long cache with a short cluster": {cache: "/" + strings.Repeat("c", 60), cluster: "/k", wantCache: "/" + strings.Repeat("c", 60), wantCluster: "/k"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", test.home)
			t.Setenv("XDG_CACHE_HOME", "")
			t.Setenv("QUIESCE_CACHE", test.cache)
			t.Setenv("QUIESCE_CLUSTER", test.cluster)
			l, err := findLayout()
			if test.problem != "" {
				require.ErrorContains(t, err, test.problem)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.wantCache, l.cache)
			assert.Equal(t, test.wantCluster, l.cluster)
		})
	}
}

// TestSocketsFit: the longest sockets that parts make below the longest cluster folder fit into 107 bytes and a zero.
func TestSocketsFit(t *testing.T) {
	l := layout{cluster: "/" + strings.Repeat("c", longestCluster-1)}
	for _, socket := range []string{
		l.containerdSocket() + ".ttrpc",
		l.kubeletRoot() + "/pod-resources/kubelet.sock",
		l.kubeletRoot() + "/plugins/csi.example/csi.sock",
		l.veleroTemp() + "/plugin4294967295",
	} {
		assert.LessOrEqual(t, len(socket), 107, socket)
	}
}
