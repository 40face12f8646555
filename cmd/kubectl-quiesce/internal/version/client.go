// Package version says which version of the plugin and of Quiesce is at work.
package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// release is set by the linker when a release is built:
//
//	-ldflags "-X github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version.release=v0.1.0"
var release string

// Build says of which sources a program was built.
type Build struct {
	// Version such as v0.1.0; what Go makes of the sources' state where no release was built.
	Version string `json:"version"`
	// Commit of the sources.
	Commit string `json:"commit,omitempty"`
	// Modified says that the sources were changed after that commit.
	Modified bool `json:"modified,omitempty"`
	// Go is the version of the compiler, and Platform what it was built for.
	Go       string `json:"goVersion"`
	Platform string `json:"platform"`
}

// Client is the build of this program.
func Client() Build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) Build {
	build := Build{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		build.Version = cmp.Or(build.Version, "(devel)")
		return build
	}
	build.Version = cmp.Or(build.Version, info.Main.Version, "(devel)")
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			build.Commit = setting.Value
		case "vcs.modified":
			build.Modified = setting.Value == "true"
		}
	}
	return build
}
