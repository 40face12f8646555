package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

const (
	opSnapshot  = v1alpha1.OperationSnapshot
	opBackup    = v1alpha1.OperationBackup
	opRestore   = v1alpha1.OperationRestore
	opClone     = v1alpha1.OperationClone
	opReplicate = v1alpha1.OperationReplicate

	live         = v1alpha1.SourceLive
	fromSnapshot = v1alpha1.SourceSnapshot
	fromBackup   = v1alpha1.SourceBackup

	local  = v1alpha1.ClusterLocal
	remote = v1alpha1.ClusterRemote
)

func TestWhichHooksRun(t *testing.T) {
	for _, test := range []struct {
		row                       string
		operation                 v1alpha1.Operation
		source                    v1alpha1.DataSource
		destination               string
		cluster                   v1alpha1.DestinationCluster
		snapshot, backup, restore bool
	}{
		{"1", opClone, live, "new", local, true, false, true},
		{"2", opClone, live, "new", remote, true, true, true},
		{"3", opClone, fromSnapshot, "new", local, false, false, true},
		{"3", opRestore, fromSnapshot, "new", local, false, false, true},
		{"4", opClone, fromBackup, "new", local, false, false, true},
		{"4", opRestore, fromBackup, "new", local, false, false, true},
		{"5", opClone, fromSnapshot, "new", remote, false, true, true},
		{"5", opRestore, fromSnapshot, "new", remote, false, true, true},
		{"6", opClone, fromBackup, "new", remote, false, false, true},
		{"6", opRestore, fromBackup, "new", remote, false, false, true},
		{"7", opRestore, fromSnapshot, "shop", local, false, false, true},
		{"8", opRestore, fromBackup, "shop", local, false, false, true},
		{"9", opSnapshot, live, "", "", true, false, false},
		{"10", opBackup, live, "", "", true, true, false},
		{"11", opBackup, fromSnapshot, "", "", false, true, false},

		{"11, its own namespace said", opBackup, fromSnapshot, "shop", local, false, true, false},
		{"10, by default", opBackup, "", "", "", true, true, false},
		{"7, by default", opRestore, fromSnapshot, "", "", false, false, true},
		{"2, the same name in another cluster", opClone, live, "shop", remote, true, true, true},
		{"2, no name in another cluster", opClone, live, "", remote, true, true, true},

		{"replication within the cluster", opReplicate, live, "new", local, true, false, false},
		{"replication to another cluster", opReplicate, live, "new", remote, true, true, false},
		{"replication of a snapshot within the cluster", opReplicate, fromSnapshot, "new", local, false, false, false},
		{"replication of a snapshot to another cluster", opReplicate, fromSnapshot, "new", remote, false, true, false},
		{"replication of a backup within the cluster", opReplicate, fromBackup, "new", local, false, false, false},
		{"replication of a backup to another cluster", opReplicate, fromBackup, "new", remote, false, false, false},
	} {
		t.Run(fmt.Sprintf("row %s: %s", test.row, test.operation), func(t *testing.T) {
			request := Request{"shop", test.operation, test.source, test.cluster, test.destination}
			kinds, err := request.Kinds()
			require.NoError(t, err)
			assert.Equal(t, Kinds{test.snapshot, test.backup, test.restore}, kinds)

			own, err := request.Here()
			require.NoError(t, err)
			assert.Equal(t, Kinds{test.snapshot, test.backup, test.restore && request.place() == here}, own)
			assert.False(t, own.Restore && (own.Snapshot || own.Backup), "a session is of one side")
		})
	}
}

func TestWhatMakesNoSenseIsRefusedWithTheField(t *testing.T) {
	for name, test := range map[string]struct {
		request Request
		want    string
	}{
		"no operation":                    {Request{}, `spec.operation: "" is not an operation: write Snapshot, Backup, Restore, Clone or Replicate`},
		"an operation that there is not":  {Request{Operation: "Copy"}, `spec.operation: "Copy" is not an operation`},
		"a source that there is not":      {Request{Operation: opBackup, DataSource: "Tape"}, `spec.dataSource: "Tape" is not a source: write Live`},
		"a cluster that there is not":     {Request{Operation: opClone, Cluster: "other"}, `spec.destination.cluster: "other" is not a destination: write Local`},
		"a snapshot of a snapshot":        {Request{Operation: opSnapshot, DataSource: fromSnapshot}, `spec.dataSource: a snapshot is taken of what runs, not of a Snapshot: write Live`},
		"a snapshot of a backup":          {Request{Operation: opSnapshot, DataSource: fromBackup}, `spec.dataSource: a snapshot is taken of what runs, not of a Backup: write Live`},
		"a backup of a backup":            {Request{Operation: opBackup, DataSource: fromBackup}, `spec.dataSource: a backup is not made of a Backup: write Live, Snapshot`},
		"a restore of what runs":          {Request{Operation: opRestore, DataSource: live}, `spec.dataSource: a restore is from something kept, not Live: write Snapshot or Backup`},
		"a restore of nothing":            {Request{Operation: opRestore}, `spec.dataSource: a restore is from something kept`},
		"a backup to a namespace":         {Request{Operation: opBackup, Destination: "new"}, `spec.destination.namespace: a Backup does not go to a namespace: leave it out`},
		"a snapshot to a cluster":         {Request{Operation: opSnapshot, Cluster: remote}, `spec.destination.cluster: a Snapshot does not go to a cluster: leave it out`},
		"a clone onto itself":             {Request{Operation: opClone, Destination: "shop"}, `spec.destination.namespace: the copy needs a namespace of its own: write another than "shop"`},
		"a clone to nowhere":              {Request{Operation: opClone}, `spec.destination.namespace: the copy needs a namespace`},
		"a replication onto itself":       {Request{Operation: opReplicate, Cluster: local}, `spec.destination.namespace: the copy needs a namespace`},
		"a replicated backup onto itself": {Request{Operation: opReplicate, DataSource: fromBackup}, `spec.destination.namespace: the copy needs a namespace`},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Namespace = "shop"
			_, err := test.request.Kinds()
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// Kinds relies on it: what no check refuses has a row, and one only.
func TestEveryRequestIsRefusedOrHasOneRow(t *testing.T) {
	for _, operation := range []v1alpha1.Operation{opSnapshot, opBackup, opRestore, opClone, opReplicate, "", "x"} {
		for _, source := range []v1alpha1.DataSource{live, fromSnapshot, fromBackup, "", "x"} {
			for _, cluster := range []v1alpha1.DestinationCluster{local, remote, "", "x"} {
				for _, destination := range []string{"", "shop", "new"} {
					request := Request{"shop", operation, source, cluster, destination}
					found := 0
					for _, row := range rows {
						if slices.Contains(row.operations, operation) && row.source == request.source() && row.place == request.place() {
							found++
						}
					}
					_, err := request.Kinds()
					require.LessOrEqual(t, found, 1, "%v", request)
					if cluster != "x" { // which would pass for Local
						require.Equal(t, found == 0, err != nil, "%v", request)
					}
				}
			}
		}
	}
}
