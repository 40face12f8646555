package doctor

import (
	"slices"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/quiesce-io/quiesce/config"
	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// oldest is the first version of Kubernetes that has all that Quiesce uses: the chart's kubeVersion.
const oldest = "1.30.0"

// mostSkew is how far the clocks may be apart before ages and deadlines mislead.
const mostSkew = time.Minute

const install = "helm install quiesce charts/quiesce -n quiesce-system --create-namespace"

func kubernetesVersion(f *Facts) []Finding {
	if found, missing := notKnown("the version of Kubernetes", f.Server); missing {
		return found
	}
	server, err := version.ParseGeneric(f.Server.Value.GitVersion)
	if err != nil {
		return []Finding{unknown("Kubernetes says that it is of version %s, which is none: %v", f.Server.Value.GitVersion, err)}
	}
	if server.LessThan(version.MustParseGeneric(oldest)) {
		return []Finding{fault("Kubernetes is %s: Quiesce needs %s or later", f.Server.Value.GitVersion, oldest).do("upgrade the cluster")}
	}
	return []Finding{fine("Kubernetes is %s", f.Server.Value.GitVersion)}
}

func clock(f *Facts) []Finding {
	if found, missing := notKnown("whether your clock is that of the API server", f.Skew); missing {
		return found
	}
	skew := f.Skew.Value
	switch {
	case skew > mostSkew:
		return []Finding{warning("the clock of this machine is %s ahead of the API server's: ages and deadlines are shown wrong", span(skew)).
			do("timedatectl set-ntp true")}
	case skew < -mostSkew:
		return []Finding{warning("the clock of this machine is %s behind the API server's: ages and deadlines are shown wrong", span(-skew)).
			do("timedatectl set-ntp true")}
	}
	return []Finding{fine("the clock of this machine is that of the API server")}
}

// ourCRDs are those of this plugin, to be read alone.
var ourCRDs = sync.OnceValues(config.CRDs)

// crds tells whether the cluster has the kinds of this plugin, with all the fields that it knows.
func crds(f *Facts) []Finding {
	wanted, err := ourCRDs()
	if err != nil {
		return []Finding{unknown("what CRDs there should be is not known: %v", err)}
	}
	if f.CRDs.known() {
		return compareCRDs(f, wanted)
	}
	// Everybody may ask what is served.
	if found, missing := notKnown("whether the CRDs are there", f.Kinds); missing {
		return found
	}
	var absent []string
	for i := range wanted {
		if !slices.Contains(f.Kinds.Value, wanted[i].Spec.Names.Plural) {
			absent = append(absent, wanted[i].Name)
		}
	}
	if len(absent) > 0 {
		return []Finding{f.absentCRDs(absent, len(wanted))}
	}
	return []Finding{fine("%s are served; whether with all fields is not known: %s", counted(len(wanted), "kind"), f.CRDs.why())}
}

func (f *Facts) absentCRDs(absent []string, all int) Finding {
	if len(absent) == all {
		return fault("Quiesce is not installed: none of its CRDs is there").do("%s", install)
	}
	return fault("CRDs are missing: %s; their objects cannot be read or written", named(absent)).do("%s", f.upgrade())
}

func compareCRDs(f *Facts, wanted []apiextensionsv1.CustomResourceDefinition) []Finding {
	var (
		found  []Finding
		absent []string
	)
	for i := range wanted {
		want := &wanted[i]
		at := slices.IndexFunc(f.CRDs.Value, func(crd apiextensionsv1.CustomResourceDefinition) bool { return crd.Name == want.Name })
		if at < 0 {
			absent = append(absent, want.Name)
			continue
		}
		is := &f.CRDs.Value[at]
		switch lacking := lackingFields(want, is); {
		case !is.DeletionTimestamp.IsZero():
			found = append(found, fault("the CRD %s is being deleted, and with it every %s", is.Name, is.Spec.Names.Kind).
				do("kubectl get %s -A", is.Spec.Names.Plural))
		case !established(is):
			found = append(found, fault("the CRD %s is not established: the API server does not serve it yet", is.Name).
				do("kubectl describe crd %s", is.Name))
		case len(lacking) > 0:
			found = append(found, fault("the CRD %s is older than this plugin: it lacks %s", is.Name, named(lacking)).
				do("%s", f.upgrade()))
		case len(lackingFields(is, want)) > 0:
			found = append(found, note("the CRD %s is newer than this plugin, which does not know %s", is.Name, named(lackingFields(is, want))))
		}
	}
	if len(absent) > 0 {
		found = append(found, f.absentCRDs(absent, len(wanted)))
	}
	if len(found) == 0 {
		found = append(found, fine("%s are there, established, and of this plugin's version", counted(len(wanted), "CRD")))
	}
	return found
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// lackingFields are the fields that one CRD has and another has not, the outermost of each.
func lackingFields(want, is *apiextensionsv1.CustomResourceDefinition) []string {
	schema := func(crd *apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.JSONSchemaProps {
		for i := range crd.Spec.Versions {
			if v := &crd.Spec.Versions[i]; v.Name == v1alpha1.GroupVersion.Version && v.Served && v.Schema != nil {
				return v.Schema.OpenAPIV3Schema
			}
		}
		return nil
	}
	has := schema(is)
	if has == nil {
		return []string{"version " + v1alpha1.GroupVersion.Version}
	}
	var lacking []string
	compareSchemas("", schema(want), has, &lacking)
	slices.Sort(lacking)
	return lacking
}

func compareSchemas(path string, want, is *apiextensionsv1.JSONSchemaProps, lacking *[]string) {
	if want == nil {
		return
	}
	if is == nil {
		*lacking = append(*lacking, strings.TrimPrefix(path, "."))
		return
	}
	for name := range want.Properties {
		wanted := want.Properties[name]
		if has, found := is.Properties[name]; found {
			compareSchemas(path+"."+name, &wanted, &has, lacking)
		} else if is.XPreserveUnknownFields == nil || !*is.XPreserveUnknownFields {
			*lacking = append(*lacking, strings.TrimPrefix(path+"."+name, "."))
		}
	}
	if want.Items != nil && want.Items.Schema != nil && is.Items != nil {
		compareSchemas(path, want.Items.Schema, is.Items.Schema, lacking)
	}
}
