package ocsf

import "encoding/json"

// Line is a line as it is read back.
type Line struct {
	Crossing
	Class     int64 `json:"class_uid"`
	Evidences []Crossing
	Metadata  struct {
		Tenant string `json:"tenant_uid"`
	}
	Code   string `json:"status_code"`
	Status uint8  `json:"status_id"`
	Time   int64
	Carnet Extension
}

// Crossing is who did what and where; of a finding it is the evidence.
type Crossing struct {
	Actor struct {
		IDP  struct{ UID string }
		User struct{ UID string }
	}
	API struct{ Operation string }
	Dst struct{ Name, Zone string } `json:"dst_endpoint"`
	Src struct {
		Instance string `json:"instance_uid"`
	} `json:"src_endpoint"`
}

// Extension is what OCSF has no place for.
type Extension struct {
	Operation, Instance string // of classes that have no place for it
	Outcome             uint8  `json:"outcome_id"` // of a finding, whose status is another thing

	Chain []Person
	For   Person

	Level    uint8
	ACR      string
	AMR      []string
	AuthTime int64 `json:"auth_time"`
	Scopes   []string

	Jurisdictions []string
	Effect        string
	Privileged    bool

	Phase        uint8 `json:"step_phase_id"`
	Workflow     string
	Run          string
	Step         string
	Attempt, Use int
	Decision     string
	Rule         string `json:"rule_name"`
	RuleAt       string `json:"rule_at"`
	Needs        []string
	Approvals    []string
	Grant        string
	Lease        string
	Material     string
	StartBy      int64 `json:"start_by"`
	NotAfter     int64 `json:"not_after"`
	UsedAt       int64 `json:"used_at"`
	PeerFrom     int64 `json:"peer_from"`
	PeerUntil    int64 `json:"peer_until"`
	Data         Data  `json:"crossed"`
	Status       int   `json:"protocol_status"`
	Resolves     int64
	Duration     int64 `json:"duration_ns"`
	Count        int
	Boundary     string
	Build        string
	Trace        string `json:"trace_uid"`

	Genesis    struct{ Origin, Key string }
	Checkpoint string
}

// Person is somebody, by pseudonym.
type Person struct{ Issuer, UID string }

// Data is what kind of data crossed.
type Data struct {
	Mapping    string
	Class      string
	Categories []string
	Residency  []string
	Fields     int
	Tokens     int
	Digest     string `json:"keyed_digest"`
}

// Parse reads a line of any class; what each has in a place of its own is in Crossing and
// Status then. False: it is none.
func Parse(b []byte) (l Line, ok bool) {
	if json.Unmarshal(b, &l) != nil {
		return Line{}, false
	}
	switch l.Class {
	case Finding:
		if len(l.Evidences) != 1 {
			return Line{}, false
		}
		l.Crossing, l.Status = l.Evidences[0], l.Carnet.Outcome
	case Authentication:
		l.API.Operation = l.Carnet.Operation
	case Lifecycle:
		l.API.Operation, l.Src.Instance = l.Carnet.Operation, l.Carnet.Instance
	}
	return l, true
}
