package fileflag

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesAreFoundAsKubectlFindsThem(t *testing.T) {
	directory := t.TempDir()
	for _, name := range []string{"b.yaml", "a.json", "c.yml", "d.txt", "deep/e.yaml"} {
		path := filepath.Join(directory, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	}
	names := func(sources Sources) (names []string) {
		files, err := sources.Read(nil)
		require.NoError(t, err)
		for _, file := range files {
			name, err := filepath.Rel(directory, file.Name)
			require.NoError(t, err)
			names = append(names, name)
		}
		return names
	}
	assert.Equal(t, []string{"a.json", "b.yaml", "c.yml"}, names(Sources{Names: []string{directory}}))
	assert.Equal(t, []string{"a.json", "b.yaml", "c.yml", "deep/e.yaml"}, names(Sources{Names: []string{directory}, Recursive: true}))
	assert.Equal(t, []string{"d.txt", "a.json", "b.yaml", "c.yml"}, names(Sources{Names: []string{filepath.Join(directory, "d.txt"), directory}}))
}

func TestAllThatCannotBeReadIsToldAtOnce(t *testing.T) {
	there := filepath.Join(t.TempDir(), "a.yaml")
	require.NoError(t, os.WriteFile(there, []byte("{}"), 0o600))
	_, err := (&Sources{Names: []string{"none.yaml", there, "nor.yaml"}}).Read(nil)
	require.EqualError(t, err, "there is no file \"none.yaml\"\nthere is no file \"nor.yaml\"")
}
