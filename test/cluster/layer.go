package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// entry is a file of a layer that is written out by hand: a folder (its path ends in a slash), a link, or a file with a
// text or with the content of a file of this machine.
type entry struct {
	path string
	mode int64
	link string
	text string
	from string
}

// writeLayer writes entries as a tar file, all owned by root and without times: the same entries give the same layer.
func writeLayer(path string, entries []entry) error {
	return writeTar(path, func(out *tar.Writer) error {
		for _, e := range entries {
			if err := e.write(out); err != nil {
				return fmt.Errorf("%s: %w", e.path, err)
			}
		}
		return nil
	})
}

func (e entry) write(out *tar.Writer) error {
	header := &tar.Header{Name: e.path, Mode: e.mode, Typeflag: tar.TypeReg}
	content := []byte(e.text)
	switch {
	case strings.HasSuffix(e.path, "/"):
		header.Typeflag = tar.TypeDir
	case e.link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, e.link, 0o777
	case e.from != "":
		var err error
		if content, err = os.ReadFile(e.from); err != nil {
			return err
		}
	}
	header.Size = int64(len(content))
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err := out.Write(content)
	return err
}

func writeTar(path string, write func(*tar.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := tar.NewWriter(file)
	if err := write(out); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(out.Close(), file.Close())
}

// writeUpper writes the upper folder of an overlay as an image's layer. A deletion is a character device 0/0 in the one
// and an empty file named .wh.NAME in the other (OCI image-spec, layer.md, "Whiteouts").
func writeUpper(path, upper string) error {
	return writeTar(path, func(out *tar.Writer) error {
		linked := map[uint64]string{} // inode → first name of it
		return filepath.WalkDir(upper, func(file string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(upper, file)
			if err != nil || relative == "." {
				return err
			}
			return addUpper(out, file, relative, linked)
		})
	})
}

func addUpper(out *tar.Writer, file, relative string, linked map[uint64]string) error {
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	system, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: not a file of a Linux filesystem", file)
	}
	switch {
	case info.Mode()&fs.ModeCharDevice != 0 && system.Rdev == 0:
		folder, base := filepath.Split(relative)
		return out.WriteHeader(&tar.Header{Name: folder + ".wh." + base, Typeflag: tar.TypeReg, Mode: 0o644})
	case info.Mode()&(fs.ModeDevice|fs.ModeSocket|fs.ModeNamedPipe) != 0:
		return nil // a container has devices of its own, and sockets mean nothing without their process
	}
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	// The owners' names are this machine's, only their numbers are the image's.
	header.Name, header.Uname, header.Gname = relative, "", ""
	if info.IsDir() {
		header.Name += "/"
	}
	if info.Mode().IsRegular() && system.Nlink > 1 {
		if first, seen := linked[system.Ino]; seen {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
			return out.WriteHeader(header)
		}
		linked[system.Ino] = relative
	}
	if err := out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	content, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	_, err = io.Copy(out, content)
	return err
}
