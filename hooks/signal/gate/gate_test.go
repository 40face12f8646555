package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
	"github.com/quiesce-io/quiesce/hooks/velero"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

var (
	ready15  = Session{Namespace: "shop", Name: "s", Held: true, Begun: true, Used: true, Quiesced: true}
	underWay = Session{Namespace: "bank", Name: "b", Held: true, Used: true, Quiesced: true}
	idle     = Session{Namespace: "idle", Name: "i", Held: true, Begun: true}
	settings = Settings{StartGrace: 15 * time.Second}
)

func with(session Session, change func(*Session)) Session {
	change(&session)
	return session
}

func TestTheGateTakesOneStepAtATime(t *testing.T) {
	after := func(seconds float64) time.Time { return noon.Add(-time.Duration(seconds * float64(time.Second))) }
	tests := map[string]struct {
		view     View
		settings Settings
		want     Action
		message  string
		cancel   []Session
		again    time.Time
	}{
		"before the policies are read nothing is decided":   {view: View{Mark: "held"}, want: Wait, message: "waits for the policies to be read"},
		"nothing covers it any more":                        {view: View{Mark: "held", Known: true}, want: Open, message: "nothing is to be quiesced"},
		"nothing is quiesced where its namespaces have":     {view: View{Mark: "held", Known: true, Missing: []string{"shop"}}, want: Open, message: "nothing is to be quiesced"},
		"another is ahead of it":                            {view: View{Mark: "held", Known: true, Quiesces: true, Missing: []string{"shop"}, Blocked: "a free slot of Velero's"}, want: Wait, message: "waits for a free slot of Velero's", again: noon.Add(time.Minute)},
		"it is its turn":                                    {view: View{Mark: "held", Known: true, Quiesces: true, Missing: []string{"shop"}}, want: Quiesce},
		"in New, too":                                       {view: View{Mark: "held", Phase: velero.New, Known: true, Quiesces: true, Missing: []string{"shop"}}, want: Quiesce},
		"some sessions are there, and others not":           {view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{ready15}, Missing: []string{"bank"}, Blocked: "x"}, want: Quiesce},
		"one session is not ready":                          {view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{ready15, underWay}}, want: Wait},
		"all are ready":                                     {view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{ready15, idle}}, want: Open, message: "its pods are quiesced"},
		"all are ready, and nothing was there":              {view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{idle}}, want: Open, message: "nothing is to be quiesced"},
		"all are ready though the policies are gone by now": {view: View{Mark: "held", Known: true, Sessions: []Session{ready15}}, want: Open},
		"one failed": {
			view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{ready15, with(underWay, func(s *Session) { s.Failed = `hook "freeze" failed` })}},
			want: Refuse, message: `may not go on: HookSession bank/b: hook "freeze" failed`},
		"somebody has cancelled one": {
			view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{with(ready15, func(s *Session) { s.Cancelled = true })}},
			want: Refuse, message: "may not go on: HookSession shop/s was cancelled"},
		"one failed since its namespace takes no part any more": {
			view: View{Mark: "held", Known: true, Quiesces: true, Sessions: []Session{ready15, with(underWay, func(s *Session) { s.Failed, s.Apart = "not opted in", true })}},
			want: Open},
		"held in Velero's queue, where it blocks others": {view: View{Mark: "held", Phase: velero.Queued, Known: true}, want: Unqueue},
		"held in ReadyToStart, where nothing can be":     {view: View{Mark: "held", Phase: velero.ReadyToStart, Known: true}, want: Open, message: "Velero has not waited"},
		"held in InProgress":                             {view: View{Mark: "held", Phase: velero.InProgress, Known: true}, want: Open, message: "Velero has not waited"},
		"held, and the gate is off":                      {view: View{Mark: "held", Known: true, Quiesces: true, Missing: []string{"shop"}}, settings: Settings{Off: true}, want: Open, message: "the gate is switched off"},
		"held, and being deleted":                        {view: View{Mark: "held", Deleting: true, Sessions: []Session{ready15}}, want: Cancel, cancel: []Session{ready15}},
		"held again, not long ago": {
			view: View{Mark: "held", Attempt: 2, Since: after(5), Known: true, Quiesces: true, Missing: []string{"shop"}},
			want: Wait, again: noon.Add(10 * time.Second), message: "waits to be quiesced again, since Velero did not begin in time"},
		"held again, long enough ago": {view: View{Mark: "held", Attempt: 2, Since: after(15), Known: true, Quiesces: true, Missing: []string{"shop"}}, want: Quiesce},

		"refused: its sessions first, then itself":      {view: View{Mark: "refused", Phase: velero.New, Sessions: []Session{ready15, idle}}, want: Fail, cancel: []Session{ready15, idle}},
		"refused, and its sessions are told":            {view: View{Mark: "refused", Sessions: []Session{with(ready15, func(s *Session) { s.Cancelled = true })}}, want: Fail},
		"refused in the queue":                          {view: View{Mark: "refused", Phase: velero.Queued}, want: Fail},
		"refused, and past the gate all the same":       {view: View{Mark: "refused", Phase: velero.InProgress, Sessions: []Session{ready15}}, want: Cancel, cancel: []Session{ready15}},
		"refused, and the gate is off":                  {view: View{Mark: "refused"}, settings: Settings{Off: true}, want: Fail},
		"refused, and failed":                           {view: View{Mark: "refused", Phase: velero.Failed}, want: Wait},
		"not held: sessions at once":                    {view: View{Known: true, Quiesces: true, Missing: []string{"shop"}}, want: Accompany},
		"not held, and running by now":                  {view: View{Phase: velero.InProgress, Known: true, Missing: []string{"shop"}}, want: Accompany},
		"not held, and its data moves by now":           {view: View{Phase: "WaitingForPluginOperations", Known: true, Missing: []string{"shop"}}, want: Accompany},
		"not held, before the policies are read":        {view: View{Missing: []string{"shop"}}, want: Wait},
		"not held, and ended":                           {view: View{Phase: velero.Completed, Known: true, Missing: []string{"shop"}}, want: Wait},
		"let go by hand before anything was quiesced":   {view: View{Mark: "open", Since: after(60), Known: true, Quiesces: true, Missing: []string{"shop"}}, want: Accompany},
		"let go by hand while pods were being quiesced": {view: View{Mark: "open", Since: after(0), Known: true, Sessions: []Session{ready15, underWay}}, want: Cancel, cancel: []Session{underWay}},
		"ended while pods were being quiesced":          {view: View{Mark: "open", Phase: velero.FailedValidation, Sessions: []Session{ready15, underWay}}, want: Cancel, cancel: []Session{underWay}},

		"open, and Velero may take its time yet": {view: View{Mark: "open", Since: after(5), Phase: velero.New, Known: true, Sessions: []Session{ready15}}, want: Wait, again: noon.Add(10 * time.Second)},
		"open, and Velero does not begin":        {view: View{Mark: "open", Message: quiesced, Since: after(15), Phase: velero.New, Known: true, Sessions: []Session{ready15}}, want: HoldAgain},
		"open, and Velero leaves it in its queue": {
			view: View{Mark: "open", Message: quiesced, Since: after(15), Phase: velero.Queued, Known: true, Sessions: []Session{ready15}}, want: HoldAgain},
		"open, and Velero begins": {view: View{Mark: "open", Since: after(100), Phase: velero.InProgress, Known: true, Sessions: []Session{ready15}}, want: Wait},
		"open, and Velero does not begin, nor is anything quiesced": {
			view: View{Mark: "open", Since: after(100), Phase: velero.Queued, Known: true, Sessions: []Session{idle}}, want: Wait},
		"open, and thawed before Velero began": {
			view: View{Mark: "open", Message: quiesced, Since: after(15), Known: true, Sessions: []Session{with(ready15, func(s *Session) { s.Quiesced, s.Finished, s.Failed = false, true, "maxQuiesce" })}}, want: HoldAgain},
		"open by hand, and Velero does not begin": {
			view: View{Mark: "open", Since: after(15), Known: true, Sessions: []Session{ready15, with(underWay, func(s *Session) { s.Cancelled = true })}},
			want: Cancel, cancel: []Session{ready15}},
		"let go by hand while a session cannot be created": {
			view: View{Mark: "open", Message: "waits, since a session could not be created: quota", Since: after(600), Phase: velero.New, Known: true, Quiesces: true, Sessions: []Session{ready15}, Missing: []string{"bank"}},
			want: Open, message: "it was let go by hand"},
		"let go by hand, and Velero does not begin": {
			view: View{Mark: "open", Message: "it was let go by hand", Since: after(15), Phase: velero.New, Known: true, Sessions: []Session{ready15}},
			want: Cancel, cancel: []Session{ready15}},
		"let go since nobody was there, and Velero does not begin": {
			view: View{Mark: "open", Message: "it goes on without being quiesced, since Quiesce is being uninstalled", Since: after(15), Phase: velero.New, Known: true, Sessions: []Session{ready15}},
			want: Cancel, cancel: []Session{ready15}},
		"let go by hand, though it returns to Velero's slot": {
			view: View{Mark: "open", Message: "somebody's", Returns: true, Since: after(600), Phase: velero.Queued, Known: true, Sessions: []Session{}}, want: Open},
		"let go by hand, and running by now": {
			view: View{Mark: "open", Message: "waits until its pods are quiesced", Since: after(600), Phase: velero.InProgress, Known: true, Sessions: []Session{ready15}}, want: Wait},
		"let go by hand, thawed, and forgotten by Velero": {
			view: View{Mark: "open", Message: "it was let go by hand", Since: after(60), Phase: velero.ReadyToStart, PhaseSince: after(11), Known: true,
				Sessions: []Session{with(ready15, func(s *Session) { s.Cancelled = true })}},
			want: Touch, again: noon.Add(10 * time.Second)},
		"open, Velero does not begin, and the gate is off": {
			view:     View{Mark: "open", Message: quiesced, Since: after(15), Phase: velero.New, Known: true, Sessions: []Session{ready15}},
			settings: Settings{Off: true, StartGrace: 15 * time.Second}, want: Cancel, cancel: []Session{ready15}},

		"stuck in ReadyToStart, not for long":   {view: View{Phase: velero.ReadyToStart, PhaseSince: after(4)}, want: Wait, again: noon.Add(6 * time.Second)},
		"stuck in ReadyToStart":                 {view: View{Phase: velero.ReadyToStart, PhaseSince: after(10)}, want: Touch, again: noon.Add(10 * time.Second)},
		"stuck, and touched a moment ago":       {view: View{Phase: velero.ReadyToStart, PhaseSince: after(60), Touched: after(3)}, want: Wait, again: noon.Add(7 * time.Second)},
		"stuck, and touched long ago":           {view: View{Phase: velero.ReadyToStart, PhaseSince: after(60), Touched: after(10)}, want: Touch, again: noon.Add(10 * time.Second)},
		"stuck with its pods quiesced: touched": {view: View{Mark: "open", Since: after(12), Phase: velero.ReadyToStart, PhaseSince: after(10), Sessions: []Session{ready15}}, want: Touch, again: noon.Add(3 * time.Second)},
		"stuck, and its pods would stay quiesced": {
			view: View{Mark: "open", Message: quiesced, Since: after(15), Phase: velero.ReadyToStart, PhaseSince: after(14), Sessions: []Session{ready15}}, want: HoldAgain},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.view.Now = noon
			if test.view.Attempt == 0 {
				test.view.Attempt = 1
			}
			if test.settings == (Settings{}) {
				test.settings = settings
			}
			got := Next(&test.view, test.settings)
			assert.Equal(t, test.want, got.Action)
			if test.message != "" {
				assert.Equal(t, test.message, got.Message)
			}
			assert.Equal(t, test.cancel, got.Cancel)
			assert.Equal(t, test.again, got.Again)
		})
	}
}

func TestALaterAttemptComesAfterALongerPause(t *testing.T) {
	want := map[int]time.Duration{0: 0, 1: 0, 2: 15 * time.Second, 3: 30 * time.Second, 4: time.Minute, 8: 10 * time.Minute, 1000: 10 * time.Minute}
	for attempt, pause := range want {
		assert.Equal(t, pause, Pause(attempt), attempt)
	}
}

func TestHeldBackupsTakeTurns(t *testing.T) {
	on := func(namespaces ...string) map[string]bool {
		set := map[string]bool{}
		for _, namespace := range namespaces {
			set[namespace] = true
		}
		return set
	}
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	held := func(name string, second int, namespaces ...string) Entry {
		return Entry{Name: name, Created: at(second), Mark: v1alpha1.GateHeld, Namespaces: on(namespaces...)}
	}
	in := func(name, phase string, namespaces ...string) Entry {
		return Entry{Name: name, Phase: phase, Namespaces: on(namespaces...)}
	}
	changed := func(entry Entry, change func(*Entry)) Entry {
		change(&entry)
		return entry
	}
	const slot = "a free slot of Velero's"
	shares := func(name string) string { return "Backup " + name + ", which has namespaces in common with it" }
	tests := map[string]struct {
		slots   int
		entries []Entry
		want    map[string]string
	}{
		"alone":                                                  {1, []Entry{held("a", 0, "shop")}, map[string]string{}},
		"the first that was created comes first":                 {1, []Entry{held("b", 1, "bank"), held("a", 2, "shop"), held("z", 0, "mail")}, map[string]string{"a": slot, "b": slot}},
		"of the same second by name":                             {1, []Entry{held("b", 0, "bank"), held("a", 0, "shop")}, map[string]string{"b": slot}},
		"two slots":                                              {2, []Entry{held("a", 0, "shop"), held("b", 1, "bank"), held("c", 2, "mail")}, map[string]string{"c": slot}},
		"one that runs takes a slot":                             {1, []Entry{in("r", velero.InProgress, "mail"), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one that is about to takes a slot":                      {1, []Entry{in("r", velero.ReadyToStart, "mail"), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one in the queue takes the next":                        {1, []Entry{in("r", velero.Queued, "mail"), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one that Velero has not seen yet does":                  {1, []Entry{in("r", "", "mail"), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one in the queue that cannot run takes none":            {2, []Entry{in("r", velero.InProgress, "mail"), in("q", velero.Queued, "mail"), held("a", 0, "shop")}, map[string]string{}},
		"one whose data moves takes none":                        {1, []Entry{in("r", "WaitingForPluginOperations", "shop"), held("a", 0, "shop")}, map[string]string{}},
		"one that ended takes none":                              {1, []Entry{in("r", velero.Completed, "shop"), held("a", 0, "shop")}, map[string]string{}},
		"one that was refused takes none":                        {1, []Entry{changed(held("r", 0, "shop"), func(e *Entry) { e.Mark = v1alpha1.GateRefused }), held("a", 0, "shop")}, map[string]string{}},
		"one that runs in the same namespace":                    {5, []Entry{in("r", velero.InProgress, "mail", "shop"), held("a", 0, "shop")}, map[string]string{"a": shares("r")}},
		"one in the queue in the same namespace":                 {5, []Entry{in("r", velero.Queued, "shop"), held("a", 0, "shop", "mail")}, map[string]string{"a": shares("r")}},
		"an earlier one in the same namespace":                   {5, []Entry{held("a", 0, "shop"), held("b", 1, "shop")}, map[string]string{"b": shares("a")}},
		"a later one passes where it shares nothing":             {2, []Entry{in("r", velero.InProgress, "shop"), held("a", 0, "shop"), held("b", 1, "bank")}, map[string]string{"a": shares("r")}},
		"one whose pods are being quiesced is ahead":             {1, []Entry{changed(held("q", 9, "mail"), func(e *Entry) { e.Quiescing = true }), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one that was let go and has not begun is, too":          {1, []Entry{changed(held("o", 9, "mail"), func(e *Entry) { e.Mark = v1alpha1.GateOpen }), held("a", 0, "shop")}, map[string]string{"a": slot}},
		"one that returns to its slot waits for none":            {1, []Entry{in("q", velero.Queued, "shop"), changed(held("r", 9, "shop"), func(e *Entry) { e.Returning = true }), held("a", 0, "mail")}, map[string]string{"a": slot}},
		"one that returns waits for what runs in its namespaces": {2, []Entry{in("x", velero.InProgress, "shop"), changed(held("r", 9, "shop"), func(e *Entry) { e.Returning = true })}, map[string]string{"r": shares("x")}},
		"another Velero's that has pods of the same namespace": {1, []Entry{changed(in("other/q", "", "shop"), func(e *Entry) { e.Elsewhere, e.Quiescing = true, true }), held("a", 0, "shop"), held("b", 1, "mail")},
			map[string]string{"a": shares("other/q")}},
		"another Velero's that has none":    {1, []Entry{changed(in("other/q", velero.InProgress, "shop"), func(e *Entry) { e.Elsewhere = true }), held("a", 0, "shop")}, map[string]string{}},
		"another Velero's takes no slot":    {1, []Entry{changed(in("other/q", velero.InProgress, "mail"), func(e *Entry) { e.Elsewhere, e.Quiescing = true, true }), held("a", 0, "shop")}, map[string]string{}},
		"another Velero's whose data moves": {1, []Entry{changed(in("other/q", "Finalizing", "shop"), func(e *Entry) { e.Elsewhere, e.Quiescing = true, true }), held("a", 0, "shop")}, map[string]string{}},
		"one that returns waits for another Velero's": {1, []Entry{changed(in("other/q", "", "shop"), func(e *Entry) { e.Elsewhere, e.Quiescing = true, true }), changed(held("r", 9, "shop"), func(e *Entry) { e.Returning = true })},
			map[string]string{"r": shares("other/q")}},
		"one that pauses lets others pass": {1, []Entry{changed(held("p", 0, "shop"), func(e *Entry) { e.Pausing = true }), held("a", 1, "shop")}, map[string]string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, Turns(test.entries, test.slots))
		})
	}
}
