package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// check tells what about a request makes no sense; nil exactly when there is a row for it.
func (r Request) check() error {
	if err := r.checkWords(); err != nil {
		return err
	}
	if err := r.checkSource(); err != nil {
		return err
	}
	return r.checkDestination()
}

func (r Request) checkWords() error {
	operations := []v1alpha1.Operation{v1alpha1.OperationSnapshot, v1alpha1.OperationBackup, v1alpha1.OperationRestore,
		v1alpha1.OperationClone, v1alpha1.OperationReplicate}
	switch {
	case !slices.Contains(operations, r.Operation):
		return fmt.Errorf("spec.operation: %q is not an operation: write Snapshot, Backup, Restore, Clone or Replicate", r.Operation)
	case !slices.Contains([]v1alpha1.DataSource{v1alpha1.SourceLive, v1alpha1.SourceSnapshot, v1alpha1.SourceBackup}, r.source()):
		return fmt.Errorf("spec.dataSource: %q is not a source: write Live, Snapshot or Backup", r.DataSource)
	case !slices.Contains([]v1alpha1.DestinationCluster{"", v1alpha1.ClusterLocal, v1alpha1.ClusterRemote}, r.Cluster):
		return fmt.Errorf("spec.destination.cluster: %q is not a destination: write Local or Remote", r.Cluster)
	}
	return nil
}

func (r Request) checkSource() error {
	switch source := r.source(); {
	case r.Operation == v1alpha1.OperationSnapshot && source != v1alpha1.SourceLive:
		return fmt.Errorf("spec.dataSource: a snapshot is taken of what runs, not of a %s: write Live, or operation Backup or Restore", source)
	case r.Operation == v1alpha1.OperationBackup && source == v1alpha1.SourceBackup:
		return errors.New("spec.dataSource: a backup is not made of a Backup: write Live, Snapshot for the backup of a snapshot that there is, " +
			"or operation Replicate for a further copy")
	case r.Operation == v1alpha1.OperationRestore && source == v1alpha1.SourceLive:
		return errors.New("spec.dataSource: a restore is from something kept, not Live: write Snapshot or Backup, " +
			"or operation Clone for a copy of what runs")
	}
	return nil
}

func (r Request) checkDestination() error {
	switch place := r.place(); r.Operation {
	case v1alpha1.OperationSnapshot, v1alpha1.OperationBackup:
		switch place {
		case beside:
			return fmt.Errorf("spec.destination.namespace: a %s does not go to a namespace: leave it out, or write operation Clone or Replicate", r.Operation)
		case away:
			return fmt.Errorf("spec.destination.cluster: a %s does not go to a cluster: leave it out, or write operation Clone or Replicate", r.Operation)
		}
	case v1alpha1.OperationClone, v1alpha1.OperationReplicate:
		if place == here {
			return fmt.Errorf("spec.destination.namespace: the copy needs a namespace of its own: write another than %q, "+
				"or cluster Remote", r.Namespace)
		}
	}
	return nil
}
