package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// mayWrite refuses a file that is there already, unless it is to be overwritten.
func (o *options) mayWrite() error {
	if o.output == "" {
		return nil
	}
	switch info, err := os.Lstat(o.output); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--output-file: %w", err)
	case info.IsDir():
		return fmt.Errorf("--output-file: %s is a directory: write the path of a file in it, such as %s", o.output, filepath.Join(o.output, "policies.yaml"))
	case !o.force:
		return fmt.Errorf("--output-file: there is a file %s already: write --force to overwrite it, or another path", o.output)
	}
	return nil
}

// write writes the policies to standard output or to the file, which then is theirs from the first byte to the last, or is as it was. Commands
// may have passwords in them: nobody else may read it.
func (o *options) write(policies []byte) error {
	if o.output == "" {
		_, err := o.Out.Write(policies)
		return err
	}
	if err := o.mayWrite(); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(o.output), ".policies-*") // it has mode 0600
	if err != nil {
		return fmt.Errorf("--output-file: %w", err)
	}
	defer os.Remove(file.Name()) // which is not there any more once it has its name
	_, err = file.Write(policies)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), o.output)
	}
	if err != nil {
		return fmt.Errorf("--output-file: %w", err)
	}
	return nil
}
