package match

import (
	"slices"
	"sync"
)

// maxImages bounds how many images an imageFile remembers. Past it everything is forgotten, and worked out again.
const maxImages = 1024

// imageFile holds policies that select pods by an image and demand no label. Which of them match an image is worked out
// when a container with it first comes by: clusters have few images and many pods.
type imageFile struct {
	policies []*Policy

	lock  sync.RWMutex
	known map[string][]*Policy
}

// appendMatches appends those policies that select a pod, each once.
func (f *imageFile) appendMatches(matched []*Policy, pod Pod) []*Policy {
	from := len(matched)
	for i, container := range pod.Containers {
		for _, policy := range f.match(container.Image) {
			if (i == 0 || !slices.Contains(matched[from:], policy)) && policy.selectsPod(pod) {
				matched = append(matched, policy)
			}
		}
	}
	return matched
}

func (f *imageFile) match(image string) []*Policy {
	f.lock.RLock()
	known, found := f.known[image]
	f.lock.RUnlock()
	if found {
		return known
	}
	var matching []*Policy
	for _, policy := range f.policies {
		if policy.images.match(image) {
			matching = append(matching, policy)
		}
	}
	if len(image) > maxImageBytes {
		return matching // of which there are none: not worth remembering
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.known == nil || len(f.known) >= maxImages {
		f.known = map[string][]*Policy{}
	}
	f.known[image] = matching
	return matching
}
