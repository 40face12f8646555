package v1alpha1

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a metav1.Duration whose reading never fails. What the schema refuses may be stored all the same, from when the
// schema was another; a list of policies must not be unreadable for one of them.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=32
type Duration struct {
	time.Duration
	// Unreadable is the JSON that stands in the object instead of a duration, or empty.
	Unreadable string
}

// UnmarshalJSON implements json.Unmarshaler. It returns no error: see Check.
func (d *Duration) UnmarshalJSON(value []byte) error {
	var text string
	err := json.Unmarshal(value, &text)
	if err == nil {
		*d = Duration{}
		d.Duration, err = time.ParseDuration(text)
	}
	if err != nil {
		*d = Duration{Unreadable: string(value)}
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) {
	if d.Unreadable != "" {
		return []byte(d.Unreadable), nil
	}
	return json.Marshal(d.String())
}

// Check tells what is wrong with a duration, in words that go behind the name of its field; nil where it was left out or
// lies between least and most.
func (d Duration) Check(least, most time.Duration) error {
	if d.Unreadable != "" {
		return fmt.Errorf("%.64s is not a duration: write a number with its unit, such as 30s, 5m or 1m30s", d.Unreadable)
	}
	if d.Duration != 0 && (d.Duration < least || d.Duration > most) {
		return fmt.Errorf("%s is out of bounds: write a duration of %s to %s", d, least, most)
	}
	return nil
}
