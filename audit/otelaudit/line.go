package otelaudit

import "encoding/json"

// line is what is read of a log's line, which is of OCSF 1.6.0. Of what is none, or of
// another version, everything is zero.
type line struct {
	crossing
	Class     int64      `json:"class_uid"`
	Evidences []crossing `json:"evidences"`
	Metadata  struct {
		Tenant string `json:"tenant_uid"`
	} `json:"metadata"`
	Severity int       `json:"severity_id"`
	Reason   string    `json:"status_code"`
	Outcome  int       `json:"status_id"`
	Carnet   extension `json:"carnet"`
}

// crossing is who did what and where; of a finding it is in its evidence.
type crossing struct {
	Actor struct {
		IDP struct {
			Issuer string `json:"uid"`
		} `json:"idp"`
		User struct {
			Pseudonym string `json:"uid"`
		} `json:"user"`
	} `json:"actor"`
	API struct {
		Action string `json:"operation"`
	} `json:"api"`
	Far struct {
		System string `json:"name"`
		Zone   string `json:"zone"`
	} `json:"dst_endpoint"`
	Near struct {
		Instance string `json:"instance_uid"`
	} `json:"src_endpoint"`
}

// extension is what OCSF has no place for.
type extension struct {
	Action     string   `json:"operation"`
	Instance   string   `json:"instance"`
	Outcome    int      `json:"outcome_id"`
	Level      int64    `json:"level"`
	Places     []string `json:"jurisdictions"`
	Effect     string   `json:"effect"`
	Privileged bool     `json:"privileged"`
	Phase      int      `json:"step_phase_id"`
	Workflow   string   `json:"workflow"`
	Run        string   `json:"run"`
	Step       string   `json:"step"`
	Attempt    int64    `json:"attempt"`
	Use        int64    `json:"use"`
	Decision   string   `json:"decision"`
	Rule       string   `json:"rule_name"`
	RuleAt     string   `json:"rule_at"`
	Needs      []string `json:"needs"`
	Grant      string   `json:"grant"`
	Lease      string   `json:"lease"`
	Status     int64    `json:"protocol_status"`
	Resolves   int64    `json:"resolves"`
	Duration   int64    `json:"duration_ns"`
	Count      int64    `json:"count"`
	Boundary   string   `json:"boundary"`
	Build      string   `json:"build"`
	Trace      string   `json:"trace_uid"`
	Data       struct {
		Mapping string `json:"mapping"`
		Class   string `json:"class"`
	} `json:"crossed"`
}

// The classes that have something elsewhere.
const (
	classFinding        = 2004
	classAuthentication = 3002
	classLifecycle      = 6002
)

// read makes one of all classes.
func read(b []byte) (l line) {
	if json.Unmarshal(b, &l) != nil {
		return line{}
	}
	switch {
	case l.Class == classFinding && len(l.Evidences) == 1:
		l.crossing, l.Outcome = l.Evidences[0], l.Carnet.Outcome
	case l.Class == classAuthentication:
		l.API.Action = l.Carnet.Action
	case l.Class == classLifecycle:
		l.API.Action, l.Near.Instance = l.Carnet.Action, l.Carnet.Instance
	}
	return l
}

// The names of outcomes and phases. One of another version has none.
var (
	outcomes = [...]string{"unknown", "success", "failure"}
	phases   = [...]string{"", "do", "undo", "ask", "canary"}
)

const outcomeFailure = 2

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return other
	}
	return names[i]
}

// kind is what a line says about its grant.
type kind uint8

const (
	nothing kind = iota
	opens        // it was given
	ends         // how it ended, or that nobody knows
)

func (l *line) kind() kind {
	x := &l.Carnet
	switch {
	case x.Grant == "":
		return nothing
	case x.Decision == "allowed":
		return opens
	case x.Decision == "" && (l.Outcome != 0 || l.Reason != ""):
		return ends
	}
	return nothing
}
