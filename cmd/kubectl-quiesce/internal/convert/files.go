package convert

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/cli-runtime/pkg/resource"

	"github.com/quiesce-io/quiesce/hooks/convert"
)

// read reads what is given by -f: a file, - for stdin, or the files in a directory that kubectl would read, by their names.
func (o *options) read(name string) ([]convert.Source, error) {
	if name == "-" {
		content, err := io.ReadAll(o.In)
		if err != nil {
			return nil, fmt.Errorf("reading stdin: %w", err)
		}
		return []convert.Source{{Name: "stdin", Content: content}}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	if !info.IsDir() {
		return one(name)
	}
	var sources []convert.Source
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(path, err)
		case entry.IsDir() && path != name && !o.recursive:
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains(resource.FileExtensions, filepath.Ext(path)):
			return nil
		}
		some, err := one(path)
		sources = append(sources, some...)
		return err
	})
	if err == nil && len(sources) == 0 {
		return nil, fmt.Errorf("%s has no files with names that end in .yaml, .yml or .json: write -R for those in directories within it", name)
	}
	return sources, err
}

func one(path string) ([]convert.Source, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return []convert.Source{{Name: path, Content: content}}, nil
}

func unreadable(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s: write the path of one that has the hooks, or - for stdin", name)
	}
	return fmt.Errorf("reading %s: %w", name, err)
}
