// Package ocsf says of which class of OCSF an event is.
//
//	class := ocsf.Of("gate.freeze")
//	class.Type() // 200401
//
// # Guarantees
//
// The version is pinned. Each class is one whose required attributes an event has, and each
// activity is one that the class has: a test of examples/peers holds every kind of line
// against the schema.
//
// # Limits
//
// An action that is not in the table is an API Activity, whoever records it.
//
// # Errors
//
// There are none.
//
// # Concurrency
//
// All functions are safe for concurrent use.
package ocsf

import "strings"

// Version is the one of the schema: later ones give metadata.uid another meaning.
const Version = "1.6.0"

// The classes.
const (
	Finding        = 2004 // Detection Finding: somebody should look
	Authentication = 3002 // who somebody is was not good enough
	Lifecycle      = 6002 // Application Lifecycle: of the log itself, and of the gate
	API            = 6003 // API Activity: what crosses, and everything else
)

// The activities.
const (
	Install = 1 // Lifecycle
	Start   = 3
	Logon   = 1 // Authentication
	Create  = 1 // Finding
	Update  = 2
	Close   = 3
	Read    = 2  // API
	Other   = 99 // of each
)

// The severities.
const (
	Informational = 1
	Low           = 2
	Medium        = 3
	High          = 4
)

// The states of a finding, its status_id.
const (
	New        = 1
	InProgress = 2
	Resolved   = 4
)

// Class is how an event is written.
type Class struct {
	UID      int64
	Activity int64
	Severity int64  // of a finding; otherwise zero
	Finding  string // the action that opens it; empty: it is none
}

// Type is type_uid.
func (c Class) Type() int64 { return c.UID*100 + c.Activity }

// Category is category_uid.
func (c Class) Category() int64 { return c.UID / 1000 }

// State is the status_id of a finding.
func (c Class) State() int64 {
	switch c.Activity {
	case Create:
		return New
	case Update:
		return InProgress
	}
	return Resolved
}

// Of is the table. What it says of Authentication and Lifecycle is for events that have what
// these classes require and a place for what they say; another is an API Activity.
func Of(action string) Class {
	switch action {
	case "audit.genesis":
		return Class{UID: Lifecycle, Activity: Install}
	case "gate.open":
		return Class{UID: Lifecycle, Activity: Start}
	case "gate.admit", "gate.refuse":
		return Class{UID: Authentication, Activity: Logon}
	case "gate.freeze":
		return Class{Finding, Create, High, action}
	case "gate.thaw":
		return Class{Finding, Close, Informational, "gate.freeze"}
	case "vault.refuse": // a system has refused a secret
		return Class{Finding, Create, Medium, action}
	case "vault.accept":
		return Class{Finding, Close, Informational, "vault.refuse"}
	case "run.park":
		return Class{Finding, Create, Medium, action}
	case "run.retry", "run.settle": // what somebody said of a run that is parked
		return Class{Finding, Update, Informational, "run.park"}
	case "audit.lag", "audit.gap", "audit.again", "audit.abandoned": // of a sink
		return Class{Finding, Create, Medium, action}
	case "audit.caughtup":
		return Class{Finding, Close, Informational, "audit.lag"}
	}
	if strings.HasPrefix(action, "audit.") {
		return Class{UID: Lifecycle, Activity: Other}
	}
	return Class{UID: API, Activity: Other}
}
