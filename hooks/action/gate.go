package action

import (
	"errors"
	"net"
	"sync/atomic"
)

// gate knows whether anything was sent. When it is closed before, nothing will be: a Transport gives up a request while others of its
// goroutines may be about to send it.
type gate struct {
	state atomic.Int32
	// decided is closed when something was sent, or nothing will be.
	decided chan struct{}
}

const (
	untouched int32 = iota
	passed
	closed
)

func newGate() *gate { return &gate{decided: make(chan struct{})} }

// pass says that something is to be sent, and tells whether it may.
func (g *gate) pass() bool {
	g.decide(passed)
	return g.state.Load() == passed
}

// close tells whether anything has passed. If not, nothing will.
func (g *gate) close() bool {
	g.decide(closed)
	return g.state.Load() == passed
}

func (g *gate) decide(state int32) {
	if g.state.CompareAndSwap(untouched, state) {
		close(g.decided)
	}
}

var errClosed = errors.New("given up before it was sent")

// gated is a connection on which a request is sent through a gate, and an answer read behind it: what a server says unasked, a Transport
// would write into the log.
type gated struct {
	net.Conn
	gate *gate
}

func (g gated) Write(p []byte) (int, error) {
	if !g.gate.pass() {
		return 0, errClosed
	}
	return g.Conn.Write(p)
}

func (g gated) Read(p []byte) (int, error) {
	<-g.gate.decided
	return g.Conn.Read(p)
}

func (g gated) Close() error {
	g.gate.close()
	return g.Conn.Close()
}
