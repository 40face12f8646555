// Package e2e tests the main job on real parts: Kubernetes and Velero from test/cluster, Quiesce by its chart, in its
// image. `make e2e` runs it. A cluster that is up already is used and left up; one that the tests bring up they take
// down again, unless QUIESCE_E2E_KEEP is 1.
package e2e
