package signal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/signal/gate"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

// patience is how long to wait before looking again for policies that are not compiled yet.
const patience = 250 * time.Millisecond

// maxMessage is how long a message on an object may be.
const maxMessage = 1024

// act takes the step that the gate has decided on.
func (c *Controller) act(ctx context.Context, object object, view *gate.View, d gate.Decision, sessions []*v1alpha1.HookSession) error {
	switch d.Action {
	case gate.Wait:
		if view.Mark == v1alpha1.GateHeld { // it may be deleted while it waits for its turn
			if settled, err := c.settleLocation(ctx, object); err != nil || !settled {
				return err
			}
		}
		return c.say(ctx, object, d.Message)
	case gate.Quiesce:
		if settled, err := c.settleLocation(ctx, object); err != nil || !settled {
			return err
		}
		c.lock.Lock()
		c.quiesced[object.meta().UID] = view.Attempt
		c.lock.Unlock()
		switch err := c.create(ctx, object, view, true); {
		case apierrors.IsInvalid(err): // it would wait for ever, and have others wait for their turns
			return c.refuse(ctx, object, "may not go on: "+err.Error())
		case err != nil: // people look there why it waits
			return errors.Join(err, c.say(ctx, object, "waits, since a session could not be created: "+err.Error()))
		}
		return c.say(ctx, object, d.Message)
	case gate.Accompany:
		return c.create(ctx, object, view, false)
	case gate.Open:
		return c.open(ctx, object, view, d.Message)
	case gate.Refuse:
		return c.refuse(ctx, object, d.Message)
	case gate.Fail:
		return c.fail(ctx, object, sessions, d)
	case gate.HoldAgain:
		return c.holdAgain(ctx, object, view, d.Message)
	case gate.Unqueue:
		return c.write(ctx, object, mark(v1alpha1.GateHeld, d.Message), status(velero.New))
	case gate.Touch:
		return c.write(ctx, object, map[string]any{v1alpha1.GateTouchedAnnotation: now()}, nil)
	case gate.Cancel:
		if view.Mark == v1alpha1.GateOpen && !velero.Ended(view.Phase) && view.Late() {
			c.event(object, corev1.EventTypeWarning, v1alpha1.ReasonGateMissed, "Hold", d.Message)
		}
		return c.cancel(ctx, named(sessions, d.Cancel), d.Message)
	}
	return fmt.Errorf("the gate knows no step %q", d.Action)
}

func named(sessions []*v1alpha1.HookSession, views []gate.Session) []*v1alpha1.HookSession {
	var chosen []*v1alpha1.HookSession
	for _, view := range views {
		for _, session := range sessions {
			if session.Namespace == view.Namespace && session.Name == view.Name {
				chosen = append(chosen, session)
			}
		}
	}
	return chosen
}

// say tells people what a held one waits for. Velero tries again with every change, so that there are to be few.
func (c *Controller) say(ctx context.Context, object object, message string) error {
	message = record.Cut(message, maxMessage)
	if message == "" || markOf(object) != v1alpha1.GateHeld || object.meta().Annotations[v1alpha1.GateMessageAnnotation] == message {
		return nil
	}
	return c.write(ctx, object, map[string]any{v1alpha1.GateMessageAnnotation: message}, nil)
}

func (c *Controller) open(ctx context.Context, object object, view *gate.View, message string) error {
	if c.Options.Gate && view.Mark == v1alpha1.GateHeld && !view.Quiesces && len(view.Sessions) == 0 {
		if uncovered, err := c.uncovered(ctx, object); err != nil || !uncovered {
			c.queue.AddAfter(keyOfObject(object), patience)
			return err
		}
	}
	annotations := mark(v1alpha1.GateOpen, message)
	var phase map[string]any
	if object.meta().Annotations[v1alpha1.GateReturnsAnnotation] == velero.ReadyToStart {
		annotations[v1alpha1.GateReturnsAnnotation] = nil
		if velero.MayBeHeld(object.phase()) { // and not what runs by now
			phase = status(velero.ReadyToStart)
		}
	}
	return c.write(ctx, object, annotations, phase)
}

func (c *Controller) refuse(ctx context.Context, object object, message string) error {
	if err := c.write(ctx, object, mark(v1alpha1.GateRefused, message), nil); err != nil {
		return err
	}
	c.event(object, corev1.EventTypeWarning, "Refused", "Hold", message)
	return nil
}

// fail ends a refused one: the sessions first, of which those that have begun would keep their pods quiesced.
func (c *Controller) fail(ctx context.Context, object object, sessions []*v1alpha1.HookSession, d gate.Decision) error {
	if err := c.cancel(ctx, named(sessions, d.Cancel), "Velero's object is refused"); err != nil {
		return err
	}
	if settled, err := c.settleLocation(ctx, object); err != nil || !settled {
		return err
	}
	reason := object.meta().Annotations[v1alpha1.GateMessageAnnotation]
	return c.patch(ctx, object, object.failure("Quiesce: "+reason, time.Now()))
}

func (c *Controller) holdAgain(ctx context.Context, object object, view *gate.View, message string) error {
	annotations := mark(v1alpha1.GateHeld, message)
	annotations[v1alpha1.AttemptLabel] = strconv.Itoa(view.Attempt + 1)
	var phase map[string]any
	if !velero.Untouched(object.phase()) {
		phase = status(velero.New)
	}
	if object.phase() == velero.ReadyToStart {
		annotations[v1alpha1.GateReturnsAnnotation] = velero.ReadyToStart
	}
	if err := c.write(ctx, object, annotations, phase); err != nil {
		return err
	}
	c.event(object, corev1.EventTypeWarning, "NotStarted", "Hold", message)
	return nil
}

// mark is a new value of the gate, as annotations.
func mark(value, message string) map[string]any {
	return map[string]any{
		v1alpha1.GateAnnotation: value, v1alpha1.GateSinceAnnotation: now(), v1alpha1.GateMessageAnnotation: record.Cut(message, maxMessage),
	}
}

func status(phase string) map[string]any { return map[string]any{"phase": phase, "queuePosition": 0} }

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// write changes annotations, and the status where that is given, of the object as it was seen.
func (c *Controller) write(ctx context.Context, object object, annotations, status map[string]any) error {
	fields := map[string]any{"metadata": map[string]any{"annotations": annotations}}
	if status != nil {
		fields["status"] = status
	}
	return c.patch(ctx, object, fields)
}

// patch changes an object only as it was seen.
func (c *Controller) patch(ctx context.Context, object object, fields map[string]any) error {
	raw, err := velero.AsSeen(object.meta().ResourceVersion, fields)
	if err != nil {
		return err
	}
	_, err = c.Objects.Resource(velero.GroupVersion.WithResource(c.kindOf(object.kind()).resource())).Namespace(object.meta().Namespace).
		Patch(ctx, object.meta().Name, types.MergePatchType, raw, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("changing %s: %w", keyOfObject(object), err)
	}
	return nil
}
