package main

import (
	"os"
	"testing"
	"time"
)

func TestASnapshotHasWhatTheVolumeHadWhenItWasTaken(t *testing.T) {
	i := images{t.TempDir()}
	must(t, i.prepare())
	must(t, os.WriteFile(i.volume("v"), []byte("before"), 0o600))
	s, err := i.cut(t.Context(), "v", "s", time.Hour)
	must(t, err)
	if !s.ReadyAt.Equal(s.CutAt.Add(time.Hour)) || s.Size != 6 {
		t.Errorf("the snapshot is %+v", s)
	}
	must(t, os.WriteFile(i.volume("v"), []byte("afterwards"), 0o600))
	if _, err := i.restore(t.Context(), "s", "larger", 7); err == nil {
		t.Error("a volume does not grow as it is made of a snapshot")
	}
	_, err = i.restore(t.Context(), "s", "restored", 6)
	must(t, err)
	text, err := os.ReadFile(i.volume("restored"))
	must(t, err)
	if string(text) != "before" {
		t.Errorf("the restored volume has %q", text)
	}
	must(t, i.removeSnapshot("s"))
	must(t, i.removeSnapshot("s"))
	if _, err := i.snapshot("s"); !os.IsNotExist(err) {
		t.Errorf("a snapshot that was removed: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
