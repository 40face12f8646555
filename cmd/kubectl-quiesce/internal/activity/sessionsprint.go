package activity

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// show prints sessions; alone where one was asked for by its name.
type show func(found []v1alpha1.HookSession, alone bool) error

func (s *sessions) printer() show {
	if s.print.Objects() {
		return s.printObjects
	}
	columns := layout{namespaces: s.allNamespaces, wide: s.print.Format() == "wide"}
	out := printers.GetNewTabWriter(s.Out)
	headed := s.noHeaders
	return func(found []v1alpha1.HookSession, _ bool) error {
		if !headed {
			headed = true
			printRow(out, columns.header())
		}
		sortSessions(found)
		for i := range found {
			printRow(out, columns.row(&found[i], time.Now()))
		}
		return out.Flush()
	}
}

func (s *sessions) printObjects(found []v1alpha1.HookSession, alone bool) error {
	sortSessions(found)
	whole := &corev1.List{Items: []runtime.RawExtension{}}
	whole.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("List"))
	for i := range found {
		found[i].SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("HookSession"))
		if alone {
			return s.print.Object(s.Out, &found[i])
		}
		whole.Items = append(whole.Items, runtime.RawExtension{Object: &found[i]})
	}
	return s.print.Object(s.Out, whole)
}
