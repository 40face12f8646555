package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// images are volumes and snapshots as files: volumes/ID, snapshots/ID and, what is known of it, snapshots/ID.json. Each comes to
// its name when it is whole.
type images struct{ folder string }

// snapshot is what is known of one.
type snapshot struct {
	Volume  string
	Size    int64 // bytes
	CutAt   time.Time
	ReadyAt time.Time
}

func (i images) volume(id string) string {
	return filepath.Join(i.folder, "volumes", filepath.Base(id))
}
func (i images) copy(id string) string {
	return filepath.Join(i.folder, "snapshots", filepath.Base(id))
}
func (i images) note(id string) string { return i.copy(id) + ".json" }

func (i images) prepare() error {
	return errors.Join(os.MkdirAll(filepath.Dir(i.volume("any")), 0o700), os.MkdirAll(filepath.Dir(i.copy("any")), 0o700))
}

// create makes an empty filesystem. Its file takes room only for what is written.
func (i images) create(ctx context.Context, id string, size int64) error {
	path := i.volume(id)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	unfinished := path + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := command(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", unfinished, strconv.FormatInt(size>>10, 10)+"k"); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}

// cut takes a snapshot. What the volume's filesystem has not written out by then is not in it, as with any storage.
func (i images) cut(ctx context.Context, volume, id string, readyAfter time.Duration) (snapshot, error) {
	info, err := os.Stat(i.volume(volume))
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{Volume: volume, Size: info.Size(), CutAt: time.Now()}
	s.ReadyAt = s.CutAt.Add(readyAfter)
	if err := duplicate(ctx, i.volume(volume), i.copy(id)); err != nil {
		return snapshot{}, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return snapshot{}, err
	}
	unfinished := i.note(id) + ".unfinished"
	if err := os.WriteFile(unfinished, text, 0o600); err != nil {
		return snapshot{}, err
	}
	return s, os.Rename(unfinished, i.note(id))
}

// snapshot reads what is known of one; os.ErrNotExist where there is none.
func (i images) snapshot(id string) (snapshot, error) {
	text, err := os.ReadFile(i.note(id))
	if err != nil {
		return snapshot{}, err
	}
	var s snapshot
	err = json.Unmarshal(text, &s)
	return s, err
}

// restore makes a volume of a snapshot, which keeps its size.
func (i images) restore(ctx context.Context, id, volume string, wanted int64) (size int64, err error) {
	s, err := i.snapshot(id)
	if err != nil {
		return 0, err
	}
	if s.Size < wanted {
		return 0, fmt.Errorf("snapshot %s has %d bytes, and a volume of it as many: %d are asked for", id, s.Size, wanted)
	}
	if _, err := os.Stat(i.volume(volume)); err == nil {
		return s.Size, nil
	}
	return s.Size, duplicate(ctx, i.copy(id), i.volume(volume))
}

func (i images) removeVolume(id string) error { return os.RemoveAll(i.volume(id)) }

func (i images) removeSnapshot(id string) error {
	return errors.Join(os.RemoveAll(i.note(id)), os.RemoveAll(i.copy(id)))
}

func duplicate(ctx context.Context, from, to string) error {
	unfinished := to + ".unfinished"
	if err := command(ctx, "cp", "--reflink=auto", "--sparse=always", from, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, to)
}

// command runs a program of this machine.
func command(ctx context.Context, name string, args ...string) error {
	if output, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, output)
	}
	return nil
}
