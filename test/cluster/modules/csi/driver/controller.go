package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// smallest is the size of a volume for which none is asked, in bytes.
const smallest = 16 << 20

// ControllerGetCapabilities implements csi.ControllerServer.
func (d *driver) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	answer := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
	} {
		answer.Capabilities = append(answer.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return answer, nil
}

// ValidateVolumeCapabilities implements csi.ControllerServer. Whatever kubelet can do with an ext4 is fine.
func (d *driver) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	return &csi.ValidateVolumeCapabilitiesResponse{
		Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: request.GetVolumeCapabilities()},
	}, nil
}

// CreateVolume implements csi.ControllerServer. A volume's id is the name that it is asked for by.
func (d *driver) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	done, err := d.busy.with(request.GetName())
	if err != nil {
		return nil, err
	}
	defer done()
	size := max(request.GetCapacityRange().GetRequiredBytes(), smallest)
	source := request.GetVolumeContentSource()
	switch {
	case source.GetVolume() != nil:
		return nil, status.Error(codes.InvalidArgument, "volumes are not cloned here: make a snapshot")
	case source.GetSnapshot() != nil:
		size, err = d.images.restore(ctx, source.GetSnapshot().GetSnapshotId(), request.GetName(), size)
	default:
		err = d.images.create(ctx, request.GetName(), size)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{VolumeId: request.GetName(), CapacityBytes: size, ContentSource: source}}, nil
}

// DeleteVolume implements csi.ControllerServer.
func (d *driver) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	return &csi.DeleteVolumeResponse{}, d.images.removeVolume(request.GetVolumeId())
}

// CreateSnapshot implements csi.ControllerServer. Parameters of the VolumeSnapshotClass: cutAfter and readyAfter, as 5s, delay
// the copy, and from there the answer that it is ready to use; fail, a sentence, has it fail. Until the copy is there, the call
// does not return, or says that it is busy.
func (d *driver) CreateSnapshot(ctx context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	parameters := request.GetParameters()
	cutAfter, err := delay(parameters, "cutAfter")
	if err != nil {
		return nil, err
	}
	readyAfter, err := delay(parameters, "readyAfter")
	if err != nil {
		return nil, err
	}
	if reason := parameters["fail"]; reason != "" {
		return nil, status.Error(codes.Internal, reason)
	}
	done, err := d.busy.with(request.GetName())
	if err != nil {
		return nil, err
	}
	defer done()
	snapshot, err := d.images.snapshot(request.GetName())
	if errors.Is(err, os.ErrNotExist) {
		select {
		case <-time.After(cutAfter):
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		snapshot, err = d.images.cut(ctx, request.GetSourceVolumeId(), request.GetName(), readyAfter)
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.CreateSnapshotResponse{Snapshot: answer(request.GetName(), snapshot)}, nil
}

func delay(parameters map[string]string, name string) (time.Duration, error) {
	text := parameters[name]
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, status.Errorf(codes.InvalidArgument, "parameter %s of the VolumeSnapshotClass: %v", name, err)
	}
	return d, nil
}

func answer(id string, s snapshot) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId: id, SourceVolumeId: s.Volume, SizeBytes: s.Size, CreationTime: timestamppb.New(s.CutAt), ReadyToUse: !time.Now().Before(s.ReadyAt),
	}
}

// DeleteSnapshot implements csi.ControllerServer.
func (d *driver) DeleteSnapshot(_ context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	return &csi.DeleteSnapshotResponse{}, d.images.removeSnapshot(request.GetSnapshotId())
}

// ListSnapshots implements csi.ControllerServer, for those who ask for one: it tells that a snapshot is there that somebody else
// has asked for.
func (d *driver) ListSnapshots(_ context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	snapshot, err := d.images.snapshot(request.GetSnapshotId())
	if errors.Is(err, os.ErrNotExist) {
		return &csi.ListSnapshotsResponse{}, nil
	}
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &csi.ListSnapshotsResponse{Entries: []*csi.ListSnapshotsResponse_Entry{{Snapshot: answer(request.GetSnapshotId(), snapshot)}}}, nil
}
