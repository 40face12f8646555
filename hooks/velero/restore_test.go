package velero

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestToWhichNamespacesARestoreGoes(t *testing.T) {
	tests := map[string]struct {
		restore   string
		backup    string // empty: not known
		namespace string // empty: shop
		want      bool
	}{
		"no lists: all of the backup":             {restore: `{}`, want: true},
		"a star: all of the backup":               {restore: `{includedNamespaces: ["*"]}`, want: true},
		"it is named":                             {restore: `{includedNamespaces: [other, shop]}`, want: true},
		"others are named":                        {restore: `{includedNamespaces: [other]}`},
		"named by a glob":                         {restore: `{includedNamespaces: ["sh*"]}`, want: true},
		"named by a glob of one character":        {restore: `{includedNamespaces: ["sho?"]}`, want: true},
		"named by a class":                        {restore: `{includedNamespaces: ["sho[pq]"]}`, want: true},
		"left out by a class":                     {restore: `{includedNamespaces: ["sho[!p]"]}`},
		"not named by a glob":                     {restore: `{includedNamespaces: ["*-prod"]}`},
		"excluded":                                {restore: `{excludedNamespaces: [shop]}`},
		"excluded by a glob":                      {restore: `{includedNamespaces: [shop], excludedNamespaces: ["s*"]}`},
		"others are excluded":                     {restore: `{excludedNamespaces: [other]}`, want: true},
		"everything is excluded":                  {restore: `{excludedNamespaces: ["*"]}`},
		"a glob that is none names nothing":       {restore: `{includedNamespaces: ["[shop"]}`},
		"another namespace comes to it":           {restore: `{includedNamespaces: [prod], namespaceMapping: {prod: shop}}`, want: true},
		"it keeps its name, though another comes": {restore: `{includedNamespaces: [shop], namespaceMapping: {prod: shop}}`, want: true},
		"it goes elsewhere":                       {restore: `{includedNamespaces: [shop], namespaceMapping: {shop: shop-copy}}`},
		"where it goes":                           {restore: `{includedNamespaces: [shop], namespaceMapping: {shop: shop-copy}}`, namespace: "shop-copy", want: true},
		"the name here is not one of the lists":   {restore: `{includedNamespaces: [shop-copy], namespaceMapping: {shop: shop-copy}}`, backup: `{includedNamespaces: [shop]}`, namespace: "shop-copy"},
		"what would come to it is excluded":       {restore: `{excludedNamespaces: [prod], namespaceMapping: {prod: shop, shop: old}}`},
		"two change places":                       {restore: `{includedNamespaces: [prod], namespaceMapping: {prod: shop, shop: prod}}`, want: true},
		"two change places, and one stays away":   {restore: `{includedNamespaces: [prod], namespaceMapping: {prod: shop, shop: prod}}`, namespace: "prod"},
		"one of two that come to it":              {restore: `{excludedNamespaces: [shop, blue], namespaceMapping: {blue: shop, green: shop}}`, want: true},
		"it is mapped to itself":                  {restore: `{namespaceMapping: {shop: shop}}`, want: true},
		"pods among the resources":                {restore: `{includedResources: [secrets, pods]}`, want: true},
		"pods by their short name":                {restore: `{includedResources: [po]}`, want: true},
		"pods by a glob":                          {restore: `{includedResources: ["p*"]}`, want: true},
		"all resources by a star":                 {restore: `{includedResources: ["*"]}`, want: true},
		"no pods among the resources":             {restore: `{includedResources: [secrets]}`},
		"pods are excluded":                       {restore: `{excludedResources: [nodes, pods]}`},
		"other resources are excluded":            {restore: `{excludedResources: [nodes, events, podtemplates]}`, want: true},
		"a star excludes no resource":             {restore: `{excludedResources: ["*"]}`, want: true},
		"the backup has it":                       {restore: `{}`, backup: `{includedNamespaces: [shop]}`, want: true},
		"the backup has all":                      {restore: `{}`, backup: `{}`, want: true},
		"the backup has others":                   {restore: `{includedNamespaces: [shop]}`, backup: `{includedNamespaces: [prod]}`},
		"the backup leaves it out":                {restore: `{}`, backup: `{excludedNamespaces: ["sh*"]}`},
		"the backup has no pods":                  {restore: `{}`, backup: `{excludedResources: [pods]}`},
		"the backup has what comes to it":         {restore: `{namespaceMapping: {prod: shop}}`, backup: `{includedNamespaces: [prod]}`, want: true},
		"the backup has it by the name here only": {restore: `{namespaceMapping: {prod: shop, shop: old}}`, backup: `{includedNamespaces: [shop]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var restore RestoreSpec
			require.NoError(t, yaml.Unmarshal([]byte(test.restore), &restore))
			var backup *BackupSpec
			if test.backup != "" {
				backup = &BackupSpec{}
				require.NoError(t, yaml.Unmarshal([]byte(test.backup), backup))
			}
			namespace := "shop"
			if test.namespace != "" {
				namespace = test.namespace
			}
			assert.Equal(t, test.want, restore.GoesTo(namespace, backup))
		})
	}
}
