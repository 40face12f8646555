package velero

// Includes tells whether a backup has anything of a namespace in it.
func (s *BackupSpec) Includes(namespace string) bool {
	return (len(s.IncludedNamespaces) == 0 || matchesAny(s.IncludedNamespaces, namespace)) && !matchesAny(s.ExcludedNamespaces, namespace)
}
