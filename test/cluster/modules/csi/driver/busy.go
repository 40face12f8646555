package main

import (
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// busy are the names of what is being made. CSI lets a driver refuse a second call for the same.
type busy struct {
	lock  sync.Mutex
	names map[string]bool
}

func (b *busy) with(name string) (done func(), err error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.names[name] {
		return nil, status.Errorf(codes.Aborted, "%s is being made already", name)
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	b.names[name] = true
	return func() {
		b.lock.Lock()
		defer b.lock.Unlock()
		delete(b.names, name)
	}, nil
}
