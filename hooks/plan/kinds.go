package plan

import (
	"cmp"
	"slices"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// Kinds says which hooks an operation runs: those of a snapshot, of a backup, of a restore.
type Kinds struct {
	Snapshot, Backup, Restore bool
}

// Request is what decides which hooks run.
type Request struct {
	// Namespace is the session's own.
	Namespace  string
	Operation  v1alpha1.Operation
	DataSource v1alpha1.DataSource // empty: Live
	// Cluster and Destination are where the copy goes. Empty: Local, and a namespace of the session's name.
	Cluster     v1alpha1.DestinationCluster
	Destination string
}

// place is where a copy goes, as seen from the session's namespace.
type place int

const (
	here   place = iota // it stays in the namespace
	beside              // another namespace of the same cluster
	away                // another cluster, in which every namespace is another
)

func (r Request) place() place {
	switch {
	case r.Cluster == v1alpha1.ClusterRemote:
		return away
	case cmp.Or(r.Destination, r.Namespace) != r.Namespace:
		return beside
	}
	return here
}

func (r Request) source() v1alpha1.DataSource { return cmp.Or(r.DataSource, v1alpha1.SourceLive) }

type row struct {
	operations []v1alpha1.Operation
	source     v1alpha1.DataSource
	place      place
	kinds      Kinds
}

var (
	clone          = []v1alpha1.Operation{v1alpha1.OperationClone}
	cloneOrRestore = []v1alpha1.Operation{v1alpha1.OperationClone, v1alpha1.OperationRestore}
	restore        = []v1alpha1.Operation{v1alpha1.OperationRestore}
	snapshot       = []v1alpha1.Operation{v1alpha1.OperationSnapshot}
	backup         = []v1alpha1.Operation{v1alpha1.OperationBackup}
	replicate      = []v1alpha1.Operation{v1alpha1.OperationReplicate}
)

// rows are those of Astra Control's table, and then ours for replication: on the side of the source it is a clone; but the copy
// does not start, so that the restore hooks wait for the restore that brings it up.
var rows = []row{
	{clone, v1alpha1.SourceLive, beside, Kinds{Snapshot: true, Restore: true}},
	{clone, v1alpha1.SourceLive, away, Kinds{Snapshot: true, Backup: true, Restore: true}},
	{cloneOrRestore, v1alpha1.SourceSnapshot, beside, Kinds{Restore: true}},
	{cloneOrRestore, v1alpha1.SourceBackup, beside, Kinds{Restore: true}},
	{cloneOrRestore, v1alpha1.SourceSnapshot, away, Kinds{Backup: true, Restore: true}},
	{cloneOrRestore, v1alpha1.SourceBackup, away, Kinds{Restore: true}},
	{restore, v1alpha1.SourceSnapshot, here, Kinds{Restore: true}},
	{restore, v1alpha1.SourceBackup, here, Kinds{Restore: true}},
	{snapshot, v1alpha1.SourceLive, here, Kinds{Snapshot: true}},
	{backup, v1alpha1.SourceLive, here, Kinds{Snapshot: true, Backup: true}},
	{backup, v1alpha1.SourceSnapshot, here, Kinds{Backup: true}},

	{replicate, v1alpha1.SourceLive, beside, Kinds{Snapshot: true}},
	{replicate, v1alpha1.SourceLive, away, Kinds{Snapshot: true, Backup: true}},
	{replicate, v1alpha1.SourceSnapshot, beside, Kinds{}},
	{replicate, v1alpha1.SourceSnapshot, away, Kinds{Backup: true}},
	{replicate, v1alpha1.SourceBackup, beside, Kinds{}},
	{replicate, v1alpha1.SourceBackup, away, Kinds{}},
}

// Kinds says which hooks the whole operation runs, those of a session in the destination included. An error is for a
// combination that makes no sense: it names the field, and says what to write.
func (r Request) Kinds() (Kinds, error) {
	if err := r.check(); err != nil {
		return Kinds{}, err
	}
	fits := func(row row) bool {
		return slices.Contains(row.operations, r.Operation) && row.source == r.source() && row.place == r.place()
	}
	return rows[slices.IndexFunc(rows, fits)].kinds, nil
}

// Here are those of the kinds that this session runs itself. Restore hooks are for pods of the destination: where that is
// another namespace, they run in a session there, of operation Restore. So a session that has restore hooks has no others.
func (r Request) Here() (Kinds, error) {
	kinds, err := r.Kinds()
	kinds.Restore = kinds.Restore && r.place() == here
	return kinds, err
}
