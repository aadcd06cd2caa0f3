package audit

import "time"

// Event is what happened. It is closed, so that a secret has nowhere to stand:
//
//   - names and codes match [a-z0-9][a-z0-9._-]{0,63};
//   - hashes, fingerprints and trace ids are lower-case hex, 8 to 128 digits;
//   - issuers, scopes, acr and amr are printable ASCII without space, quotes and
//     backslash, up to 255 bytes; RuleAt is file:line;
//   - a list has up to 32 elements, a line up to 65,535 bytes, numbers are not negative;
//   - times are kept as UTC milliseconds, from 1970 on.
//
// What does not match is refused as a whole: nothing is shortened, escaped or left
// out. The zero value of a field is not written. Subjects, of Actor, Chain and For,
// are written as pseudonyms, and read back as such; somebody new costs one more sync, once.
// Actions that begin with "audit." are the log's own.
type Event struct {
	Time time.Time // zero: when Append was called

	// Who.
	Tenant    string    // of the gate
	Instance  string    // of the service
	Actor     Actor     // zero: the library itself
	Chain     []Actor   // who acts for Actor, outermost first; RFC 8693 act
	For       Actor     // on whose behalf the service itself acts; zero: Actor's own
	Assurance Assurance // what was proven about Actor
	Scopes    []string  // of the presented token

	// What, and where.
	Action        string   // operation, or what the library itself did
	System        string   // far side
	Jurisdictions []string // of System
	Zone          string   // of System
	Effect        string   // as declared
	Privileged    bool     // as declared

	// Why.
	Phase    Phase
	Workflow string // hash; empty: outside any run
	Run      string // id; empty: outside any run
	Step     string // name; empty: outside any run
	Attempt  int    // from 1; 0: outside any run
	Use      int    // of the grant, from 1; 0: the grant itself

	// Whether.
	Decision  string   // denied, needs or allowed; empty: nothing was decided
	Rule      string   // the rule that decided, or a permit
	RuleAt    string   // its file:line
	Needs     []string // obligations that were open
	Approvals []string // hashes of the keys that approved

	// With what.
	Grant    string    // id; empty: none
	Lease    string    // id; empty: none
	Material string    // keyed fingerprint of the credential
	StartBy  time.Time // of the grant
	NotAfter time.Time // of grant, lease or material
	UsedAt   time.Time // zero: not a use
	Peer     Validity  // of the far side's certificate, where a canary looked at it; zero: it did not
	Data     Data      // zero: no data

	// How it ended.
	Outcome  Outcome       // zero: unknown
	Reason   string        // stable code, a closed name
	Status   int           // of the protocol; 0: none
	Resolves int64         // index of the unknown that this answers; 0: none (line 0 is the genesis event)
	Duration time.Duration // of the transmission
	Count    int           // of what this event sums up, such as refusals and failed renewals; of vault.generation the generation, of audit.erased that of the table of people; 0: it stands for one

	// Under which declarations.
	Boundary string // hash
	Build    string // hash
	Trace    string // W3C trace id; empty: none
}

// Check says whether a log would take e: nil, or ErrNotRecorded. Whoever lets somebody
// in finds out this way that what he does could not be recorded.
func (e Event) Check() error { return validate(&e) }

// Actor is somebody: an issuer, and a subject that only this issuer tells apart.
// [Log.Append] takes the subject as the issuer says it, up to 1,024 bytes, and writes
// [Log.Pseudonym] of both.
type Actor struct{ Issuer, Subject string }

// Assurance is how sure an issuer was.
type Assurance struct {
	Level    uint8     // of this deployment; 0: nothing proven
	ACR      string    // RFC 9470 acr
	AMR      []string  // RFC 8176 amr
	AuthTime time.Time // zero: unknown, never fresh
}

// Validity is when something is valid: OCSF certificate created_time and expiration_time.
type Validity struct{ From, Until time.Time }

// Data says what kind of data crossed, never which.
type Data struct {
	Mapping    string   // hash; empty: no data
	Class      string   // the highest
	Categories []string // all
	Residency  []string // jurisdictions that all of it may be in; "*" is any
	Fields     int      // how many
	Tokens     int      // how many keyed tokens were made of it: of how many values somebody could learn which are equal
	Digest     string   // keyed; empty: none
}

// Phase is the part of a run.
type Phase uint8

// The phases.
const (
	PhaseNone Phase = iota // outside any run
	PhaseDo
	PhaseUndo
	PhaseAsk
	PhaseCanary
)

// Outcome is how a crossing ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeUnknown Outcome = iota // until an event says otherwise
	OutcomeSuccess
	OutcomeFailure
)
