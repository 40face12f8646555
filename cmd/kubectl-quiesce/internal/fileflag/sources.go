// Package fileflag reads the files that users name with -f.
package fileflag

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/command"
	"github.com/quiesce-io/quiesce/hooks/manifest"
)

// Sources are what a user names with -f.
type Sources struct {
	Names     []string
	Recursive bool
}

// AddFlags adds -f and -R, which are kubectl's. What is a plural, such as "policies".
func (s *Sources) AddFlags(c *cobra.Command, what string) {
	c.Flags().StringSliceVarP(&s.Names, "filename", "f", nil, "File or directory with "+what+", or - for standard input; can be repeated.")
	c.Flags().BoolVarP(&s.Recursive, "recursive", "R", false, "Read the directories within those of -f as well.")
	if err := c.MarkFlagFilename("filename", "yaml", "yml", "json"); err != nil {
		panic(err) // the flag is there
	}
}

// Check refuses names that are none of files.
func (s *Sources) Check(c *cobra.Command) error {
	stdin := 0
	for _, name := range s.Names {
		switch {
		case name == "-":
			stdin++
		case name == "":
			return command.UsageErrorf(c, "-f is empty: write the path of a file or directory, or - for standard input")
		case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
			return command.UsageErrorf(c, "-f %s: addresses are not read: write curl -sSL %[1]s | … -f -", name)
		}
	}
	if stdin > 1 {
		return command.UsageErrorf(c, "-f -: standard input can be read once: leave one of them out")
	}
	return nil
}

// Content is what stands in a file, or was read from standard input, which is called -.
type Content struct {
	Name  string
	Bytes []byte
}

// maxBytes is how large a file may be: past what any tool makes, and below what would fill the memory.
const maxBytes = 64 << 20

// extensions of the files that are read in directories, as kubectl does.
var extensions = []string{".json", ".yaml", ".yml"}

// Read reads all of them as objects of Kubernetes. An error is for what cannot be read at all; mistakes in files are theirs.
func (s *Sources) Read(stdin io.Reader) ([]manifest.File, error) {
	contents, err := s.Contents(stdin)
	if err != nil {
		return nil, err
	}
	var files []manifest.File
	for _, content := range contents {
		files = append(files, manifest.Read(content.Name, content.Bytes))
	}
	return files, nil
}

// Contents reads all of them, each file once. The error tells of all that cannot be read.
func (s *Sources) Contents(stdin io.Reader) (contents []Content, err error) {
	var mistakes []error
	seen := map[string]bool{}
	for _, name := range s.Names {
		paths, err := s.expand(name)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			bytes, err := read(path, stdin)
			if err != nil {
				mistakes = append(mistakes, err)
			}
			contents = append(contents, Content{path, bytes})
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return contents, nil
}

func read(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		content, err := readAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return content, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, sentence(path, err)
	}
	defer file.Close()
	content, err := readAll(file)
	if err != nil {
		return nil, sentence(path, err)
	}
	return content, nil
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
	if name == "-" {
		return []string{name}, nil
	}
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
