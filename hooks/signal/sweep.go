package signal

import (
	"time"

	"github.com/quiesce-io/quiesce/hooks/velero"
)

// sweep has thawed what a Backup may have left behind that runs no hooks any more, though its data may move for hours yet, or that was deleted
// while it ran.
func (c *Controller) sweep(object object) {
	if b, is := object.(*backup); is && c.Sweeper != nil {
		ended := b.Backup
		c.Sweeper.Ended(&ended)
	}
}

// sweepLate is for one that was found as the controller began: it may have come so far while nobody looked.
func (c *Controller) sweepLate(object object) {
	b, is := object.(*backup)
	if is && !velero.Ongoing(b.Status.Phase) && (!velero.Ended(b.Status.Phase) || b.endedLately(time.Now())) {
		c.sweep(object)
	}
}

// Running are the Backups that are InProgress. They are only read.
func (c *Controller) Running() []*velero.Backup {
	var running []*velero.Backup
	for _, found := range c.watch.List(backups{}.resource()) {
		if b, is := found.(*backup); is && b.Status.Phase == velero.InProgress {
			running = append(running, &b.Backup)
		}
	}
	return running
}
