package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// load gives images to the running cluster. Each argument is the name of a recipe or the path of an archive.
func load(ctx context.Context, l layout, images []string) error {
	if state, _ := l.state("containerd"); state != running {
		return errNoCluster
	}
	for _, image := range images {
		r, known := recipes[image]
		if !known {
			if _, err := os.Stat(image); err != nil {
				return fmt.Errorf("%s is neither an archive (%w) nor a recipe; recipes are %s", image, err, recipeNames())
			}
			start := time.Now()
			out, err := l.ctr(ctx, "images", "import", image)
			if err != nil {
				return err
			}
			say("loaded %s in %s: %s", image, since(start), strings.Join(strings.Fields(out), " "))
			continue
		}
		if err := installPackages(ctx, imageNeeds); err != nil {
			return err
		}
		start := time.Now()
		imported, err := l.loadRecipe(ctx, r)
		if err != nil {
			return fmt.Errorf("image %s: %w", image, err)
		}
		if imported {
			say("loaded %s in %s", r.tag, since(start))
		} else {
			say("%s is loaded already", r.tag)
		}
	}
	return nil
}

// loadRecipe makes the recipe's archive, or finds it in the cache, and imports it unless the cluster has that very one.
func (l layout) loadRecipe(ctx context.Context, r recipe) (imported bool, err error) {
	release, err := lock(filepath.Join(l.cache, "images.lock"), "building images")
	if err != nil {
		return false, err
	}
	defer release()
	archive, err := r.archive(ctx, l)
	if err != nil {
		return false, err
	}
	digest, err := archiveDigest(archive)
	if err != nil {
		return false, err
	}
	note := filepath.Join(l.part("containerd"), "loaded", strings.NewReplacer("/", "_", ":", "_").Replace(r.tag))
	if known, _ := os.ReadFile(note); string(known) == digest {
		list, err := l.ctr(ctx, "images", "ls", "--quiet", "name=="+r.tag)
		if err == nil && strings.TrimSpace(list) == r.tag {
			return false, nil
		}
	}
	if _, err := l.ctr(ctx, "images", "import", archive); err != nil {
		return false, err
	}
	return true, writeWhole(note, []byte(digest), 0o644)
}

func since(start time.Time) time.Duration { return time.Since(start).Round(10 * time.Millisecond) }

// archiveDigest is the digest of an archive's configuration, which names its content whole; it costs no reading of the
// layers.
func archiveDigest(path string) (string, error) {
	image, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		return "", fmt.Errorf("archive %s: %w", path, err)
	}
	digest, err := image.ConfigName()
	return digest.String(), err
}

// writeArchive writes layers (tar files, the lowest first) as a docker-archive.
func writeArchive(path, tag string, config v1.Config, layers ...string) error {
	image := empty.Image
	for _, file := range layers {
		layer, err := tarball.LayerFromFile(file)
		if err != nil {
			return fmt.Errorf("layer %s: %w", file, err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return err
		}
	}
	image, err := mutate.ConfigFile(image, withConfig(image, config))
	if err != nil {
		return err
	}
	reference, err := name.NewTag(tag, name.StrictValidation)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unfinished := path + ".unfinished"
	if err := tarball.WriteToFile(unfinished, reference, image); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	return os.Rename(unfinished, path)
}

func withConfig(image v1.Image, config v1.Config) *v1.ConfigFile {
	file, _ := image.ConfigFile() // an image built in memory always has one
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", architecture, config
	return file
}
