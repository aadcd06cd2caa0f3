// Package boundary loads what a reviewer reads: a folder with boundary.jsonc, which
// declares tenant, systems with their operations, levels, permits and rules.
//
//	bound, err := boundary.Load(os.DirFS("boundary"), nil)
//
// The members are the fields of [auth.System], [auth.Operation], [policy.Permit]
// and [policy.Rule] in snake case; comments and trailing commas are allowed,
// durations are written 15m, times 2027-06-30T00:00:00Z.
//
// # Guarantees
//
// Everything that is wrong is found in one go, in the order of the files, each with
// file, line and column and, where one is near, the right name. What could only
// follow from another finding is not repeated: names are looked up once the systems
// are in order. Nothing is loaded where there is one finding.
//
// The folder holds boundary.jsonc and nothing else but README files and what begins
// with a dot, all of them regular files, so that what is reviewed is what is loaded.
// The same content declared in Go gives a boundary with the same hash.
//
// # Limits
//
// A file has at most 1 MiB. The folder is read once and never watched: another
// boundary is another gate. Links are refused; where an orchestrator mounts a folder
// of links, load the folder they lead to, as fs.Sub(os.DirFS(mount), "..data") does
// for a ConfigMap. Load believes the file system that it is given.
//
// # Errors
//
// The error is mapping.Findings. It holds no content of the folder. Codes with D
// are about the text of a file, with B about systems ([auth.NewCatalogue]), with P
// about the policy ([policy.New]), with F about the folder:
//
//	F101  boundary.jsonc is missing     F104  file that cannot be read
//	F102  unknown file                  F105  nil decider in Options.Narrow
//	F103  not a regular file            F106  folder that cannot be read
//
// # Concurrency
//
// Load and Review share nothing and may be called concurrently.
package boundary

import (
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

// File is the name of the one file that declares.
const File = "boundary.jsonc"

// Options of Load. Nil means the documented defaults.
type Options struct {
	Narrow []auth.Decider // asked when the policy allows, and can only take away; nil: none
}

// Load reads and checks everything at once. The error is mapping.Findings.
func Load(dir fs.FS, o *Options) (*auth.Boundary, error) {
	if o == nil {
		o = &Options{}
	}
	var l loader
	if slices.Contains(o.Narrow, nil) {
		l.find("F105", "", "a decider that narrows is nil")
	}
	l.load(dir)
	if err := l.sorted().Err(); err != nil {
		return nil, err
	}
	var decider auth.Decider = l.policy
	if len(o.Narrow) > 0 {
		decider = policy.Narrow(l.policy, o.Narrow...)
	}
	return auth.NewBoundary(l.catalogue, decider)
}
