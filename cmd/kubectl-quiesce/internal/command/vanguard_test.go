package command

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheFirstRequestGoesAheadOfTheOthers(t *testing.T) {
	var asked atomic.Int32
	together := false
	v := newVanguard(roundTripper(func(*http.Request) (*http.Response, error) {
		if asked.Add(1) > 1 {
			return &http.Response{Body: http.NoBody}, nil
		}
		for range 1000 { // others have every occasion to come too soon
			together = together || asked.Load() > 1
		}
		return &http.Response{Body: http.NoBody}, nil
	}))
	var requests sync.WaitGroup
	for range 10 {
		requests.Go(func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster", http.NoBody)
			assert.NoError(t, err)
			response, err := v.RoundTrip(request)
			if assert.NoError(t, err) {
				assert.NoError(t, response.Body.Close())
			}
		})
	}
	requests.Wait()
	assert.False(t, together)
	assert.EqualValues(t, 10, asked.Load())
}

func TestWhoWaitsForARequestThatFailsDoesNotTryAgainAndWhoComesLaterDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		asked, waiting := 0, make(chan struct{})
		v := newVanguard(roundTripper(func(*http.Request) (*http.Response, error) {
			asked++
			if asked > 1 {
				return &http.Response{Body: http.NoBody}, nil
			}
			<-waiting
			return nil, refused
		}))
		ask := func() error {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster", http.NoBody)
			require.NoError(t, err)
			response, err := v.RoundTrip(request)
			if err != nil {
				return err
			}
			return response.Body.Close()
		}
		var requests sync.WaitGroup
		for range 3 {
			requests.Go(func() { assert.ErrorIs(t, ask(), refused) })
		}
		synctest.Wait() // for all of them to wait
		close(waiting)
		requests.Wait()
		assert.Equal(t, 1, asked)
		require.NoError(t, ask())
	})
}
