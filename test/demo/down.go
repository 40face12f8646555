package main

import (
	"context"
	"errors"
	"os"

	"github.com/quiesce-io/quiesce/test/walkthrough"
)

// takeDown removes the cluster and the filesystem, also where there is only half of them.
func takeDown(ctx context.Context) error {
	repository, err := walkthrough.Repository()
	if err != nil {
		return err
	}
	disk, err := walkthrough.NewDisk(diskName)
	if err != nil {
		return err
	}
	// Processes that wait for a frozen filesystem cannot be ended, so it is thawed before the cluster goes. It goes itself
	// after the pods that have it open.
	thawed := disk.Thaw(ctx)
	err = walkthrough.Cluster{Repository: repository, Progress: os.Stderr}.Down(ctx)
	return errors.Join(thawed, err, disk.Remove(ctx))
}
