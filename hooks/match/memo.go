package match

import (
	"maps"
	"sync"
)

// maxRemembered bounds what is remembered of namespaces, in map entries and policies. Past it everything is forgotten, and
// worked out again as it is asked for. An entry with its one policy takes about 150 bytes, so the bound is some 20 MB.
const maxRemembered = 1 << 17

// namespaceWeight is what a namespace without any policy counts: its name, its labels and its place in the map take about
// 500 bytes.
const namespaceWeight = 4

// namespaceFiles remembers the file of each namespace that was asked for, as long as the namespace has the same labels.
type namespaceFiles struct {
	lock       sync.RWMutex
	known      map[string]rememberedFile
	remembered int
}

type rememberedFile struct {
	namespace Namespace
	file      file
}

func (n *namespaceFiles) get(namespace Namespace, work func() file) file {
	n.lock.RLock()
	known, found := n.known[namespace.Name]
	n.lock.RUnlock()
	if found && known.namespace.unknown == namespace.unknown && maps.Equal(known.namespace.Labels, namespace.Labels) {
		return known.file
	}
	worked := work()
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.known == nil || n.remembered > maxRemembered {
		n.known, n.remembered = map[string]rememberedFile{}, 0
	}
	n.known[namespace.Name] = rememberedFile{namespace, worked}
	n.remembered += namespaceWeight + worked.size()
	return worked
}
