package main

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NodeGetInfo implements csi.NodeServer.
func (d *driver) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: d.node}, nil
}

// NodeGetCapabilities implements csi.NodeServer. A volume is mounted once, and then bound to each of its pods: two mounts of one file
// would be two filesystems.
func (d *driver) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{{
		Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME}},
	}}}, nil
}

// NodeStageVolume implements csi.NodeServer.
func (d *driver) NodeStageVolume(ctx context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	if request.GetVolumeCapability().GetBlock() != nil {
		return nil, status.Error(codes.InvalidArgument, "volumes are filesystems here: volumeMode Block is not known")
	}
	return &csi.NodeStageVolumeResponse{}, mount(ctx, request.GetStagingTargetPath(), "-o", "loop", d.images.volume(request.GetVolumeId()))
}

// NodeUnstageVolume implements csi.NodeServer.
func (d *driver) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, unmount(request.GetStagingTargetPath())
}

// NodePublishVolume implements csi.NodeServer.
func (d *driver) NodePublishVolume(ctx context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	options := "bind"
	if request.GetReadonly() {
		options = "bind,ro"
	}
	return &csi.NodePublishVolumeResponse{}, mount(ctx, request.GetTargetPath(), "-o", options, request.GetStagingTargetPath())
}

// NodeUnpublishVolume implements csi.NodeServer.
func (d *driver) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := unmount(request.GetTargetPath()); err != nil {
		return nil, err
	}
	return &csi.NodeUnpublishVolumeResponse{}, os.RemoveAll(request.GetTargetPath())
}

// mount mounts something to a folder, once.
func mount(ctx context.Context, target string, args ...string) error {
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	if isMountPoint(target) {
		return nil
	}
	return command(ctx, "mount", append(args, target)...)
}

// isMountPoint tells by the device whether a folder is one: here no filesystem is mounted within itself.
func isMountPoint(folder string) bool {
	var inside, outside syscall.Stat_t
	return syscall.Stat(folder, &inside) == nil && syscall.Stat(folder+"/..", &outside) == nil && inside.Dev != outside.Dev
}

func unmount(folder string) error {
	if err := syscall.Unmount(folder, 0); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return status.Errorf(codes.Internal, "unmounting %s: %v", folder, err)
	}
	return nil
}
