package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// maxReviewBytes bounds a request. The API server takes objects of 3 MiB (k8s.io/apiserver, MaxRequestBodyBytes), which
// are longer as JSON where the client sent protobuf.
const maxReviewBytes = 16 << 20

// lenient leaves the judgement of a pod to the API server, which has read it before us.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// review serves an admission.Handler over HTTP. controller-runtime's admission.Webhook does the same, but reads the whole
// body three times, which for a pod is most of the cost of a request, and denies whatever it cannot read. Here the body
// is read once, and an unreadable one is answered with an HTTP error: the webhook's failurePolicy decides.
type review struct {
	handler admission.Handler
	// policyDecides has an internal error answered as one of the webhook, so that its failurePolicy decides, instead of with
	// a denial.
	policyDecides bool
}

var _ http.Handler = (*review)(nil)

func (v *review) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, r, http.StatusRequestEntityTooLarge, fmt.Errorf("reading the request: %w", err))
		return
	}
	request, err := decodeReview(body)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, err)
		return
	}
	response := v.handler.Handle(r.Context(), request)
	if v.policyDecides && !response.Allowed && response.Result.Code == http.StatusInternalServerError {
		http.Error(w, response.Result.Message, http.StatusInternalServerError)
		return
	}
	if err := response.Complete(request); err != nil {
		refuse(w, r, http.StatusInternalServerError, fmt.Errorf("encoding the patch: %w", err))
		return
	}
	answer := admissionv1.AdmissionReview{Response: &response.AdmissionResponse}
	answer.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	w.Header().Set("Content-Type", "application/json")
	if err := json.MarshalWrite(w, answer); err != nil {
		logf.FromContext(r.Context()).Error(err, "The answer to an admission request was not sent", "uid", request.UID)
	}
}

// readBody reads the whole body into room made for it at once.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= maxReviewBytes {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxReviewBytes))
	return body.Bytes(), err
}

func decodeReview(body []byte) (admission.Request, error) {
	var decoded struct {
		metav1.TypeMeta `json:",inline"`
		Request         *admissionv1.AdmissionRequest `json:"request"`
	}
	if err := json.Unmarshal(body, &decoded, lenient); err != nil {
		return admission.Request{}, fmt.Errorf("reading the AdmissionReview: %w", err)
	}
	if got, want := decoded.GroupVersionKind(), admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"); got != want {
		return admission.Request{}, fmt.Errorf("got %q, write an AdmissionReview of %s", got, want.GroupVersion())
	}
	if decoded.Request == nil {
		return admission.Request{}, errors.New("the AdmissionReview has no request")
	}
	return admission.Request{AdmissionRequest: *decoded.Request}, nil
}

func refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	logf.FromContext(r.Context()).Error(err, "An admission request was not understood", "status", status)
	http.Error(w, err.Error(), status)
}
