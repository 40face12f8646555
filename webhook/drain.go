package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// drain tells the world that this replica is about to go before it goes: controller-runtime closes its listener at once
// when told to stop, while the API server still sends requests to an endpoint that it believes in.
type drain struct {
	begun atomic.Bool
}

// until returns a context that ends a delay after ctx does. In between readiness fails, so that the endpoint is taken
// away while requests are still answered.
func (d *drain) until(ctx context.Context, delay time.Duration) context.Context {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.begun.Store(true)
		time.AfterFunc(delay, stop)
	})
	return serving
}

// check is a readiness check.
func (d *drain) check(*http.Request) error {
	if d.begun.Load() {
		return errors.New("shutting down")
	}
	return nil
}
