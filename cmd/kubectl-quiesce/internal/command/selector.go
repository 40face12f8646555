package command

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
)

// Selector reads labels as kubectl's -l has them; everything for "".
func Selector(text string) (labels.Selector, error) {
	selector, err := labels.Parse(text)
	if err != nil { // what the library says is about its parser
		return nil, fmt.Errorf("-l %q: write labels such as app=postgres,tier!=cache", text)
	}
	return selector, nil
}
