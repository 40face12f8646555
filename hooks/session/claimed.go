package session

import "k8s.io/apimachinery/pkg/types"

// Claimed tells whether a session has claimed a pod, from its resolution until everything that it has quiesced is thawed. A controller
// that has just begun to lead may not know of all sessions yet.
func (r *Reconciler) Claimed(pod types.UID) bool { return r.claims.has(pod) }
