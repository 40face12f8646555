package doctor

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// Groups of checks, in the order in which they are shown.
const (
	groupCluster   = "Cluster"
	groupRelease   = "Release"
	groupAdmission = "Admission"
	groupHooks     = "Policies and pods"
	groupSessions  = "Sessions"
	groupVelero    = "Velero"
	groupRights    = "Rights"
)

// check looks at facts, and does nothing else.
type check struct {
	id, group string
	look      func(*Facts) []Finding
	// always is true of checks that make sense where Quiesce is not installed.
	always bool
}

// checks are all, in the order in which they are shown.
var checks = []check{
	{id: "kubernetes-version", group: groupCluster, look: kubernetesVersion, always: true},
	{id: "clock", group: groupCluster, look: clock, always: true},
	{id: "crds", group: groupCluster, look: crds, always: true},

	{id: "webhook-deployment", group: groupRelease, look: webhookDeployment},
	{id: "controller-deployment", group: groupRelease, look: controllerDeployment},
	{id: "pods-restarting", group: groupRelease, look: podsRestarting},
	{id: "versions", group: groupRelease, look: versions},
	{id: "controller-leads", group: groupRelease, look: controllerLeads},

	{id: "webhook-configurations", group: groupAdmission, look: webhookConfigurations},
	{id: "webhook-settings", group: groupAdmission, look: webhookSettings},
	{id: "webhook-service", group: groupAdmission, look: webhookService},
	{id: "webhook-ca", group: groupAdmission, look: webhookCA},
	{id: "webhook-certificate", group: groupAdmission, look: webhookCertificate},
	{id: "webhook-answers", group: groupAdmission, look: webhookAnswers},
	{id: "stamping", group: groupAdmission, look: stamping},
	{id: "admission-policies", group: groupAdmission, look: admissionPolicies},

	{id: "namespaces", group: groupHooks, look: namespaces},
	{id: "policies", group: groupHooks, look: policiesInUse},
	{id: "unstamped-pods", group: groupHooks, look: unstampedPods},

	{id: "overdue-thaws", group: groupSessions, look: overdueThaws},
	{id: "sessions-stuck", group: groupSessions, look: sessionsStuck},
	{id: "deletions-stuck", group: groupSessions, look: deletionsStuck},

	{id: "velero", group: groupVelero, look: veleroThere},
	{id: "velero-gate", group: groupVelero, look: veleroGate},
	{id: "velero-held", group: groupVelero, look: veleroHeld},

	{id: "controller-rights", group: groupRights, look: controllerRights},
	{id: "controller-secrets", group: groupRights, look: controllerSecrets},
	{id: "your-rights", group: groupRights, look: yourRights},
}

// examine runs the checks. Where nothing of Quiesce is there, one finding says so instead of thirty.
func examine(facts *Facts) []Finding {
	var found []Finding
	for _, c := range checks {
		if !c.always && !facts.installed() {
			continue
		}
		for _, finding := range c.look(facts) {
			finding.Check, finding.Group = c.id, c.group
			found = append(found, finding)
		}
	}
	return found
}

// installed tells whether there is anything of Quiesce, or may be.
func (f *Facts) installed() bool {
	return !f.Kinds.known() || len(f.Kinds.Value) > 0 || f.Webhook.Value != nil || f.Controller.Value != nil || f.Mutating.Value != nil
}

// named are at most five names in a sentence.
func named(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// counted is a number with its noun, such as 1 pod or 2 pods.
func counted(number int, noun string) string {
	switch {
	case number == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", number, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", number, noun)
}

// span is a time for people, such as 5m or 3d.
func span(d time.Duration) string { return duration.HumanDuration(d) }
