package thaw

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/quiesce-io/quiesce/hooks/match"
	"github.com/quiesce-io/quiesce/hooks/session/record"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

func said(steps []step) []string {
	var text []string
	for i := range steps {
		text = append(text, fmt.Sprintf("%d %s %s %s", steps[i].batch, steps[i].how, steps[i].pod.Name, steps[i].name()))
	}
	return text
}

func nested() []v1alpha1.Hook {
	return []v1alpha1.Hook{
		hook("flush", v1alpha1.PreBackup), hook("freeze", v1alpha1.PreSnapshot),
		hook("unfreeze", v1alpha1.PostSnapshot), hook("unflush", v1alpha1.PostBackup),
	}
}

func noShellHere(p v1alpha1.HookPolicy) v1alpha1.HookPolicy {
	p.Spec.Shell = v1alpha1.NoShell
	return p
}

func holds(name string, stage v1alpha1.Stage) v1alpha1.Hook {
	return hook(name, stage, func(h *v1alpha1.Hook) {
		h.Exec, h.Hold = nil, &v1alpha1.HoldAction{Command: []string{"mariadb"}, ReadyPattern: "held"}
	})
}

func TestWhatASessionHasQuiescedIsThawedByItsRecord(t *testing.T) {
	for name, test := range map[string]struct {
		by   []v1alpha1.HookPolicy
		have func(*record.Record)
		want []string
	}{
		"nothing was attempted": {[]v1alpha1.HookPolicy{policy("db", nested()...)}, func(*record.Record) {}, nil},
		"both stages were, in the order of the stages": {
			[]v1alpha1.HookPolicy{policy("db", nested()...)},
			func(r *record.Record) { did(r, "flush", "Succeeded"); did(r, "freeze", "Succeeded") },
			[]string{"1 run a-0 db/unfreeze", "1 run b-0 db/unfreeze", "2 run a-0 db/unflush", "2 run b-0 db/unflush"},
		},
		"one was thawed already": {
			[]v1alpha1.HookPolicy{policy("db", nested()...)},
			func(r *record.Record) {
				did(r, "flush", "Succeeded")
				did(r, "freeze", "Succeeded")
				did(r, "unfreeze", "Succeeded")
			},
			[]string{"2 run a-0 db/unflush", "2 run b-0 db/unflush"},
		},
		"all was thawed": {
			[]v1alpha1.HookPolicy{policy("db", nested()...)},
			func(r *record.Record) {
				for _, name := range []string{"flush", "freeze", "unfreeze", "unflush"} {
					did(r, name, "Succeeded")
				}
			},
			nil,
		},
		"a thaw that failed is tried again": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))},
			func(r *record.Record) { did(r, "freeze", "Succeeded"); did(r, "unfreeze", "Failed") },
			[]string{"1 run a-0 db/unfreeze", "1 run b-0 db/unfreeze"},
		},
		"the controller died while a hook ran in one pod": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))},
			func(r *record.Record) { r.Runs[0].Status.Attempted = 1 },
			[]string{"0 end a-0 db/freeze", "1 run a-0 db/unfreeze"},
		},
		"a hook may go on after its timeout": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))},
			func(r *record.Record) {
				did(r, "freeze", "Failed")
				r.Runs[0].Status.Results[1].MayRunUntil = &metav1.MicroTime{Time: noon.Add(time.Minute)}
			},
			[]string{"0 end b-0 db/freeze", "1 run a-0 db/unfreeze", "1 run b-0 db/unfreeze"},
		},
		"what a hook may have quiesced after its thaw is thawed again": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))},
			func(r *record.Record) {
				did(r, "freeze", "Failed")
				did(r, "unfreeze", "Succeeded")
				r.Runs[0].Status.Results[1].MayRunUntil = &metav1.MicroTime{Time: noon.Add(-time.Minute)}
			},
			[]string{"1 run b-0 db/unfreeze"},
		},
		"once is enough": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot))},
			func(r *record.Record) {
				did(r, "freeze", "Failed")
				did(r, "unfreeze", "Succeeded")
				r.Runs[0].Status.Results[1].MayRunUntil = &metav1.MicroTime{Time: noon.Add(-time.Minute)}
				r.Session.Status.ThawedAgainAt = &metav1.MicroTime{Time: noon}
			},
			nil,
		},
		"a hold is ended": {
			[]v1alpha1.HookPolicy{policy("db", holds("lock", v1alpha1.PreSnapshot))},
			func(r *record.Record) { did(r, "lock", "Held") },
			[]string{"0 end a-0 db/lock", "0 end b-0 db/lock"},
		},
		"a hold in a container without a shell is left to be ended": {
			[]v1alpha1.HookPolicy{noShellHere(policy("db", holds("lock", v1alpha1.PreSnapshot)))},
			func(r *record.Record) { did(r, "lock", "Held") },
			[]string{"0 by hand a-0 db/lock", "0 by hand b-0 db/lock"},
		},
		"a request cannot be sent from here": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot, func(h *v1alpha1.Hook) {
				h.Exec, h.HTTPPost = nil, &v1alpha1.HTTPPostAction{HTTPRequest: v1alpha1.HTTPRequest{Port: new(intstr.FromInt32(8080)), Path: "/unlock"}}
			}))},
			func(r *record.Record) { did(r, "freeze", "Succeeded") },
			[]string{"1 by hand a-0 db/unfreeze", "1 by hand b-0 db/unfreeze"},
		},
		"what only tells is no thaw": {
			[]v1alpha1.HookPolicy{policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("untell", v1alpha1.PostBackup, func(h *v1alpha1.Hook) {
				h.ExecutionPolicy = v1alpha1.OnFailure
			}))},
			func(r *record.Record) { did(r, "freeze", "Succeeded") },
			nil,
		},
		"a policy that was not attempted is left alone": {
			[]v1alpha1.HookPolicy{
				policy("cache", hook("save", v1alpha1.PreSnapshot), hook("unsave", v1alpha1.PostSnapshot)),
				policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot)),
			},
			func(r *record.Record) { did(r, "save", "Succeeded") },
			[]string{"1 run a-0 cache/unsave", "1 run b-0 cache/unsave"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := begun(set(test.by...), pod("a-0"), pod("b-0"))
			test.have(r)
			assert.Equal(t, test.want, said(steps(r, all, noon)))
		})
	}
}

func TestOnlyWhatIsWantedIsThawed(t *testing.T) {
	r := begun(set(
		policy("cache", hook("save", v1alpha1.PreSnapshot), hook("unsave", v1alpha1.PostSnapshot)),
		policy("db", hook("freeze", v1alpha1.PreSnapshot), hook("unfreeze", v1alpha1.PostSnapshot)),
	), pod("a-0"), pod("b-0"))
	did(r, "save", "Succeeded")
	did(r, "freeze", "Succeeded")
	onlyDB := func(policy match.Ref, pod string) bool { return policy.Name == "db" && pod == "b-0" }
	assert.Equal(t, []string{"1 run b-0 db/unfreeze"}, said(steps(r, onlyDB, noon)))
}

func TestWhatCannotBeRunFromHereIsSaid(t *testing.T) {
	r := begun(set(policy("db", nested()...)), pod("db-0"))
	run, where := r.Runs[0], &r.Runs[0].Spec.Pods[0]
	post := func(request v1alpha1.HTTPRequest) *v1alpha1.HookRun {
		with := run.DeepCopy()
		with.Spec.Hook.Exec, with.Spec.Hook.HTTPPost = nil, &v1alpha1.HTTPPostAction{HTTPRequest: request}
		return with
	}
	assert.Empty(t, unable(run, where))
	assert.Equal(t, "kubectl -n shop port-forward pod/db-0 8080:9200, and send POST https://127.0.0.1:8080/_unlock",
		unable(post(v1alpha1.HTTPRequest{Port: new(intstr.FromInt32(9200)), Path: "/_unlock", Scheme: "HTTPS"}), where))
	assert.Equal(t, "send POST https://db.shop/unlock from where that can be reached", unable(post(v1alpha1.HTTPRequest{URL: "https://db.shop/unlock"}), where))
	assert.Equal(t, "send POST http://db:http/ from where that can be reached", unable(post(v1alpha1.HTTPRequest{Host: "db", Port: new(intstr.FromString("http"))}), where))
	job := run.DeepCopy()
	job.Name, job.Spec.Hook.Exec, job.Spec.Hook.Job = "nightly-003", nil, &v1alpha1.JobAction{}
	assert.Equal(t, "create its Job yourself: its template is in kubectl get hookrun nightly-003 -n shop -o jsonpath='{.spec.hook.job}'", unable(job, where))
}
