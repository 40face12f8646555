package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Sources are what a user names with -f.
type Sources struct {
	Names     []string
	Recursive bool
}

// AddFlags adds -f and -R, which are kubectl's.
func (s *Sources) AddFlags(flags *pflag.FlagSet, what string) {
	flags.StringSliceVarP(&s.Names, "filename", "f", nil, "file or directory with "+what+", or - for the standard input; can be repeated")
	flags.BoolVarP(&s.Recursive, "recursive", "R", false, "read directories with all that are in them")
}

// maxBytes is how large a file may be: past what any tool makes, and below what would fill the memory.
const maxBytes = 64 << 20

// extensions of the files that are read in directories, as kubectl does.
var extensions = []string{".json", ".yaml", ".yml"}

// Read reads all of them. An error is for what cannot be read at all; mistakes in files are theirs.
func (s *Sources) Read(stdin io.Reader) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for _, name := range s.Names {
		if name == "-" {
			if seen[name] {
				return nil, errors.New("-f -: the standard input can be read once: leave one of them out")
			}
			content, err := readAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("reading the standard input: %w", err)
			}
			files = append(files, Read("-", content))
			seen[name] = true
			continue
		}
		if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
			return nil, fmt.Errorf("-f %s: addresses are not read: write curl -sSL %[1]s | … -f -", name)
		}
		paths, err := s.expand(name)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			file, err := readFile(path)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

func readFile(path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return File{}, sentence(path, err)
	}
	defer file.Close()
	content, err := readAll(file)
	if err != nil {
		return File{}, sentence(path, err)
	}
	return Read(path, content), nil
}

func readAll(from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxBytes+1))
	if err == nil && len(content) > maxBytes {
		err = fmt.Errorf("it has more than %d MiB: split it", maxBytes>>20)
	}
	return content, err
}

// sentence says what is wrong with a file, once by its name.
func sentence(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %q", path)
	}
	if wrapped, is := errors.AsType[*fs.PathError](err); is {
		err = wrapped.Err
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// expand is the file itself, or the files of a directory, in the order of their names.
func (s *Sources) expand(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, sentence(name, err)
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var paths []string
	err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != name && !s.Recursive:
			return filepath.SkipDir
		case !entry.IsDir() && slices.Contains(extensions, filepath.Ext(path)):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, sentence(name, err)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no .yaml, .yml or .json files in %s: name a file, or write -R for the directories in it", name)
	}
	return paths, nil
}
