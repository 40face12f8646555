package command

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatOneMayNotIsToldWithWhoMay(t *testing.T) {
	policies := schema.GroupResource{Group: "quiesce.io", Resource: "hookpolicies"}
	rbac := func(verb, resource, group string) error {
		return apierrors.NewForbidden(policies, "db", errors.New(`User "ada" cannot `+verb+` resource "`+resource+`" in API group "`+group+`" at the cluster scope`))
	}
	const doctor = "; kubectl quiesce doctor lists which rights you have"
	tests := map[string]struct {
		err   error
		ends  string
		lacks bool
	}{
		"to write what is of the cluster": {rbac("create", "hookpolicies", "quiesce.io"),
			"at the cluster scope. The ClusterRole quiesce-admin has that right: ask an administrator to bind it to you" + doctor, true},
		"to read it": {rbac("list", "hooktemplates", "quiesce.io"),
			". The ClusterRole quiesce-view has that right: ask an administrator to bind it to you" + doctor, true},
		"to write what is of a namespace": {rbac("patch", "namespacedhookpolicies", "quiesce.io"),
			". The ClusterRole quiesce-edit (which edit and admin include) has that right: ask an administrator to bind it to you" + doctor, true},
		"what is Kubernetes's own": {rbac("list", "pods", ""), ". Ask an administrator for that right; kubectl quiesce doctor lists which ones you have", false},
		"what admission refuses": {
			apierrors.NewForbidden(policies, "db", errors.New("ValidatingAdmissionPolicy 'quiesce-authorship' with binding 'quiesce-authorship' denied request: "+
				"ada lacks the right to create pods/exec in namespace shop, which whoever writes this policy needs: have it granted there")),
			"denied request: ada lacks the right to create pods/exec in namespace shop, which whoever writes this policy needs: have it granted there", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			said := Sentence(test.err)
			assert.Equal(t, test.ends, said[max(0, len(said)-len(test.ends)):])
			assert.Equal(t, test.lacks, Lacks(test.err))
		})
	}
}
