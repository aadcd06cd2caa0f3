package verify

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
)

// Report is what a whole log proves. A zero Report proves nothing and says so.
type Report struct {
	Origin   string    // as in the genesis event
	First    int64     // index of the first line; those before it were removed, as a later line says
	Events   int64     // lines that were read
	Grants   int64     // events that are grants
	Key      string    // that the log is under; another one than those that were given, where it was replaced
	Root     [32]byte  // RFC 6962, over First+Events lines
	Findings []Finding // by index, those of no line last; at most 100; nil: verified
}

// String is "N events, G grants, verified, root BASE64", with "from index I on" where earlier
// ones were removed, or the first finding.
func (r Report) String() string {
	if len(r.Findings) > 0 {
		return r.Findings[0].String()
	}
	if r.Events == 0 {
		return "nothing was verified"
	}
	from := ""
	if r.First > 0 {
		from = fmt.Sprintf(" from index %d on", r.First)
	}
	return fmt.Sprintf("%d events%s, %d grants, verified, root %s",
		r.Events, from, r.Grants, base64.StdEncoding.EncodeToString(r.Root[:]))
}

// maxFindings is what a person reads. Those that are not kept come later in the log.
const maxFindings = 100

// add keeps the first finding of a code in a file: what follows mostly follows from it.
func (r *Report) add(found ...Finding) {
	for _, f := range found {
		same := func(g Finding) bool { return g.Code == f.Code && g.File == f.File }
		if len(r.Findings) < maxFindings && !slices.ContainsFunc(r.Findings, same) {
			r.Findings = append(r.Findings, f)
		}
	}
}

// sort puts the first bad index first.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Compare(uint64(a.Index), uint64(b.Index)) // -1 is the largest
	})
}

// Finding is one thing that is wrong.
type Finding struct {
	Code  string // stable, see the package documentation
	File  string // relative to the log; empty: a known checkpoint
	Index int64  // the first bad line; -1: not in a line
}

// String is one line: file, problem, code and first bad index.
func (f Finding) String() string {
	text, ok := problems[f.Code]
	if !ok {
		text = "is not as it must be"
	}
	file := f.File
	if file == "" {
		file = "known checkpoint"
	}
	if f.Index < 0 {
		return fmt.Sprintf("%q: %s (%s)", file, text, f.Code)
	}
	return fmt.Sprintf("%q: %s (%s), first bad index %d", file, text, f.Code, f.Index)
}

// The codes.
const (
	codeStray      = "stray"
	codeMissing    = "missing"
	codeIrregular  = "irregular"
	codeLock       = "lock"
	codeLine       = "line"
	codeLong       = "long"
	codeJSON       = "json"
	codeSequence   = "sequence"
	codeTorn       = "torn"
	codeCut        = "cut"
	codeCommit     = "commit"
	codeTile       = "tile"
	codeGenesis    = "genesis"
	codeKey        = "key"
	codeInband     = "inband"
	codeHistory    = "history"
	codeCheckpoint = "checkpoint"
	codeUnsigned   = "unsigned"
	codeKnown      = "known"
	codeSegment    = "segment"
	codeRekey      = "rekey"
	codeCarried    = "carried"
	codeOrigin     = "origin"
	codeFork       = "fork"
)

var problems = map[string]string{
	codeStray:      "does not belong to the log",
	codeMissing:    "is missing",
	codeIrregular:  "is neither a file nor a folder",
	codeLock:       "is not empty",
	codeLine:       "a line does not match its hash in the tree",
	codeLong:       "a line is over 65,535 bytes",
	codeJSON:       "a line is not UTF-8, not one JSON object, or has a member twice",
	codeSequence:   "a line says another index than its own",
	codeTorn:       "the last batch has no commit line: the log is in use or was not closed",
	codeCut:        "the log ends before its checkpoint's size",
	codeCommit:     "a commit line does not match the lines before it",
	codeTile:       "does not match the lines",
	codeGenesis:    "line 0, and no other, must be a genesis event",
	codeKey:        "the genesis event names an origin or key that was not given",
	codeInband:     "a checkpoint event is not valid under the given keys",
	codeHistory:    "a signed checkpoint is of other lines",
	codeCheckpoint: "is not valid under the given keys",
	codeUnsigned:   "no checkpoint covers the last lines: the log is in use or was not closed",
	codeKnown:      "is not valid under the given keys",
	codeOrigin:     "the log is of another origin than those that were expected",
	codeFork:       "another log of this origin has another line here",
	codeRekey:      "the key that the log is under is not what the old one, the new one and the caller say",
	codeCarried:    "a segment carries over what the lines before it do not say",
	codeSegment:    "a segment does not begin with what the lines before it say",
}
