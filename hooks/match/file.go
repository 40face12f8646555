package match

// file holds policies so that a pod looks at few of them. A policy is filed by a label that a pod must have for it to
// apply: of several, the one that the fewest policies demand. Policies that demand none are filed by the images that they
// match, as pods with such images come by; those that want no image either apply to nearly every pod, and are looked at
// each time.
type file struct {
	byLabel map[label][]*Policy
	byImage *imageFile // nil without such policies
}

func newFile(policies []*Policy, frequency map[label]int) file {
	f := file{byLabel: map[label][]*Policy{}}
	var imaged []*Policy
	for _, policy := range policies {
		demanded := demands(policy.labelSelector)
		if len(demanded) == 0 && len(policy.images.included) > 0 {
			imaged = append(imaged, policy)
			continue
		}
		for _, l := range rarest(demanded, frequency) {
			f.byLabel[l] = append(f.byLabel[l], policy)
		}
	}
	if len(imaged) > 0 {
		f.byImage = &imageFile{policies: imaged}
	}
	return f
}

// appendMatches appends those policies of the file that select a pod. By labels none is met twice: it is under one label
// name, of which a pod has one value. By images, one may match several containers.
func (f file) appendMatches(matched []*Policy, pod Pod) []*Policy {
	look := func(l label) {
		for _, policy := range f.byLabel[l] {
			if policy.selectsPod(pod) {
				matched = append(matched, policy)
			}
		}
	}
	look(label{})
	for name, value := range pod.Labels {
		look(label{name: name, value: value})
		look(label{name: name, anyValue: true})
	}
	if f.byImage != nil {
		matched = f.byImage.appendMatches(matched, pod)
	}
	return matched
}

// size is what the file counts against the bound on what is remembered.
func (f file) size() int {
	size := len(f.byLabel)
	for _, policies := range f.byLabel {
		size += len(policies)
	}
	if f.byImage != nil {
		size += len(f.byImage.policies)
	}
	return size
}
