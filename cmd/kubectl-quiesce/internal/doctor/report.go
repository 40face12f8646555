package doctor

// Report is all that was found, as -o json and -o yaml print it.
type Report struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	// Namespace to which policies, pods and sessions were narrowed; absent for all.
	Namespace string `json:"namespace,omitempty"`
	// Release is the namespace in which Quiesce runs, or should.
	Release  string    `json:"release,omitempty"`
	Summary  Summary   `json:"summary"`
	Findings []Finding `json:"findings"`
}

// Summary counts findings by their severities.
type Summary struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Unknown  int `json:"unknown"`
	Notes    int `json:"notes"`
	OK       int `json:"ok"`
}

func newReport(facts *Facts) *Report {
	report := &Report{
		Kind: "DoctorReport", APIVersion: "cli.quiesce.io/v1alpha1", Namespace: facts.Namespace, Release: facts.Release, Findings: examine(facts),
	}
	for _, finding := range report.Findings {
		switch finding.Severity {
		case Error:
			report.Summary.Errors++
		case Warning:
			report.Summary.Warnings++
		case Unknown:
			report.Summary.Unknown++
		case Note:
			report.Summary.Notes++
		case OK:
			report.Summary.OK++
		}
	}
	return report
}
