package convert

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// kind is one that may have hooks, or that hooks refer to.
type kind struct {
	schema.GroupVersionKind
	// name as kubectl has it.
	name string
	// once says that it is of one time, and not read unless it is asked for.
	once bool
}

// kinds in the order in which they are read. What is in charge of others stands ahead of them.
var kinds = []kind{
	{velero("Schedule"), "schedules.velero.io", false},
	{velero("Backup"), "backups.velero.io", false},
	{velero("Restore"), "restores.velero.io", true},
	{apps("Deployment"), "deployments", false},
	{apps("StatefulSet"), "statefulsets", false},
	{apps("DaemonSet"), "daemonsets", false},
	{apps("ReplicaSet"), "replicasets", false},
	{core("ReplicationController"), "replicationcontrollers", false},
	{batch("CronJob"), "cronjobs", false},
	{batch("Job"), "jobs", false},
	{core("Pod"), "pods", false},
	{trident("Application"), "applications.protect.trident.netapp.io", false},
	{trident("ExecHook"), "exechooks.protect.trident.netapp.io", false},
	{astra("Application"), "applications.astra.netapp.io", false},
	{astra("ExecHook"), "exechooks.astra.netapp.io", false},
	{schema.GroupVersionKind{Group: "addons.kubestash.com", Version: "v1alpha1", Kind: "Function"}, "functions.addons.kubestash.com", false},
	{stash("HookTemplate"), "hooktemplates.core.kubestash.com", false},
	{stash("BackupConfiguration"), "backupconfigurations.core.kubestash.com", false},
	{stash("BackupBatch"), "backupbatches.core.kubestash.com", false},
	{stash("BackupBlueprint"), "backupblueprints.core.kubestash.com", false},
	{stash("RestoreSession"), "restoresessions.core.kubestash.com", false},
	{stork("Rule"), "rules.stork.libopenstorage.org", false},
	{stork("ApplicationBackupSchedule"), "applicationbackupschedules.stork.libopenstorage.org", false},
	{stork("ApplicationBackup"), "applicationbackups.stork.libopenstorage.org", false},
	{stork("ApplicationClone"), "applicationclones.stork.libopenstorage.org", false},
	{stork("MigrationSchedule"), "migrationschedules.stork.libopenstorage.org", false},
	{stork("Migration"), "migrations.stork.libopenstorage.org", false},
	{stork("VolumeSnapshotSchedule"), "volumesnapshotschedules.stork.libopenstorage.org", false},
	{stork("GroupVolumeSnapshot"), "groupvolumesnapshots.stork.libopenstorage.org", false},
}

func core(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Version: "v1", Kind: kind}
}

func apps(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: kind}
}

func batch(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: kind}
}

func velero(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "velero.io", Version: "v1", Kind: kind}
}

func trident(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "protect.trident.netapp.io", Version: "v1", Kind: kind}
}

func astra(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "astra.netapp.io", Version: "v1", Kind: kind}
}

func stash(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "core.kubestash.com", Version: "v1alpha1", Kind: kind}
}

func stork(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "stork.libopenstorage.org", Version: "v1alpha1", Kind: kind}
}

func kindNames() []string {
	var names []string
	for _, kind := range kinds {
		names = append(names, kind.name)
	}
	slices.Sort(names)
	return names
}
