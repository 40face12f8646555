package activity

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// news are sessions that have changed since they were shown.
type news struct {
	versions map[types.UID]string // that were shown
	waiting  []v1alpha1.HookSession
}

func (n *news) take(sessions []v1alpha1.HookSession) {
	n.waiting = append(n.waiting, slices.DeleteFunc(sessions, func(session v1alpha1.HookSession) bool {
		return n.versions[session.UID] == session.ResourceVersion
	})...)
}

// fresh are those that have come since it was called last.
func (n *news) fresh() []v1alpha1.HookSession {
	fresh := n.waiting
	n.waiting = nil
	for i := range fresh {
		n.versions[fresh[i].UID] = fresh[i].ResourceVersion
	}
	return fresh
}

// follow prints sessions as they change.
func (s *sessions) follow(ctx context.Context, cluster client.WithWatch, options []client.ListOption, wanted *sessionFilter) error {
	changed := &news{versions: map[types.UID]string{}}
	show := s.printer()
	printNews := func() error {
		fresh := changed.fresh()
		if len(fresh) == 0 {
			return nil
		}
		if !s.print.Objects() {
			return show(fresh, false)
		}
		for i := range fresh {
			if err := show(fresh[i:i+1], true); err != nil {
				return err
			}
		}
		return nil
	}
	f := follower[v1alpha1.HookSessionList, *v1alpha1.HookSessionList]{
		cluster: cluster, options: options, talk: s.ErrOut, listed: printNews,
		page: func(page *v1alpha1.HookSessionList) { changed.take(wanted.of(page)) },
		change: func(ctx context.Context, object runtime.Object) error {
			session, is := object.(*v1alpha1.HookSession)
			if !is {
				return nil
			}
			if wanted.policy != nil {
				if err := wanted.policy.look(ctx, cluster, session); err != nil {
					return err
				}
			}
			changed.take(wanted.of(&v1alpha1.HookSessionList{Items: []v1alpha1.HookSession{*session}}))
			return unshown(printNews())
		},
	}
	if wanted.policy != nil {
		f.before = func(ctx context.Context) error { return wanted.policy.read(ctx, cluster) }
	}
	return f.run(ctx)
}
