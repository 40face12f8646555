// Command release builds the plugin for every platform, and writes archives, their sums, and krew's manifest into a folder.
// From the same commit, by the same Go, they are the same bytes.
//
//	go run ./cmd/kubectl-quiesce/internal/release -version v1.2.3 -o dist
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "the version, such as v1.2.3")
	folder := flags.String("o", "dist", "where to write")
	wanted := flags.String("platform", "", "only this one, such as linux/amd64")
	if err := flags.Parse(args); err != nil {
		return err
	}
	repository, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	stamp, err := commitTime(ctx, repository)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(platforms), func(p platform) bool { return *wanted != "" && *wanted != p.OS+"/"+p.Arch })
	if len(chosen) == 0 {
		return fmt.Errorf("-platform %s: there are %v", *wanted, platforms)
	}
	r := release{repository: repository, version: *version, time: stamp}
	return r.write(ctx, *folder, chosen)
}

// commitTime is that of all that is packed: no later than the commit, whenever it is built (https://reproducible-builds.org/specs/source-date-epoch).
func commitTime(ctx context.Context, repository string) (time.Time, error) {
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		var err error
		if seconds, err = output(ctx, repository, "git", "log", "-1", "--format=%ct"); err != nil {
			return time.Time{}, err
		}
	}
	parsed, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: write seconds since 1970", seconds)
	}
	return time.Unix(parsed, 0).UTC(), nil
}

// output runs a program and returns what it has printed.
func output(ctx context.Context, folder, program string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = filepath.Clean(folder)
	command.Stderr = os.Stderr
	printed, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(printed)), nil
}
