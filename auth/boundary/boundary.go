// Package boundary loads what a reviewer reads: a folder with boundary.jsonc, which
// declares tenant, systems with their operations, issuers, levels, permits and rules,
// and with what operations take and answer, schemas/NAME.jsonc and mappings/NAME.jsonc.
//
//	bound, err := boundary.Load(os.DirFS("boundary"), nil)
//
// The members of boundary.jsonc are the fields of [auth.System], [auth.Operation],
// [policy.Permit] and [policy.Rule] in snake case, issuers and levels those of
// [policy.Declaration]; comments and trailing commas are allowed, durations are written
// 15m, times 2027-06-30T00:00:00Z. A member $schema is for editors ([Format]) and means
// nothing. What stands in schemas and mappings, package mapping says. An operation's input
// is the name of a mapping, its output that of a schema; a mapping is compiled once, for the
// one system whose operations take it.
//
// # Guarantees
//
// Everything that is wrong is found in one go, in the order of the files, each with
// file, line and column and, where one is near, the right name. What could only
// follow from another finding is not repeated: names are looked up once the systems
// are in order, and a mapping is compiled once its schemas and its system are. Nothing
// is loaded where there is one finding, and where there are a thousand, nothing further
// is looked into.
//
// The folder holds boundary.jsonc, the folders schemas and mappings with what ends in
// .jsonc, and nothing else but README files and what begins with a dot, all of them
// regular files, so that what is reviewed is what is loaded: a schema and a mapping
// have the name of their file, and each is used. The same content declared in Go gives
// a boundary with the same hash.
//
// # Limits
//
// A file has at most 1 MiB, a folder at most 1000 of them. The folder is read once and
// never watched: another boundary is another gate. Links are refused; where an
// orchestrator mounts a folder of links, load the folder they lead to, as
// fs.Sub(os.DirFS(mount), "..data") does for a ConfigMap. Load believes the file system
// that it is given.
//
// A boundary that uses a release loads until the release has ended.
//
// # Errors
//
// The error is mapping.Findings. It holds no content of the folder. Codes with D
// are about the text of a file, with B about systems ([auth.NewCatalogue]) and whether
// the parts fit ([auth.NewBoundary]), with P about the policy ([policy.New]), with M
// about schemas and mappings ([mapping.ParseSchema], [mapping.Compile]), those of
// Options.Fits are the translators' own, and with F about the folder:
//
//	F101  boundary.jsonc is missing     F107  too many files
//	F102  unknown file                  F110  schema's title is not its file's name
//	F103  not a regular file, or        F111  mapping's name is not its file's
//	      not a folder                  F112  mapping from or to an unknown schema
//	F104  file that cannot be read      F113  mapping that nothing uses
//	F105  nil decider in Options.Narrow F114  schema that nothing uses
//	F106  folder that cannot be read    F115  not a system for its translators
//
// P120 is also about an issuer in the subject of a system.
//
// # Concurrency
//
// Load and Review share nothing and may be called concurrently.
package boundary

import (
	"io/fs"
	"slices"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/mapping"
)

// File is the name of the one file that declares.
const File = "boundary.jsonc"

// Options of Load. Nil means the documented defaults.
type Options struct {
	Narrow []auth.Decider // asked when the policy allows, and can only take away; nil: none
	// Fits has for kinds of system what a Translator asks of such a system, so that it is
	// found here by file and line, as (*ldapauth.Bind)(nil).Fits for auth.KindDirectory;
	// nil: auth.NewBroker finds it.
	Fits map[string]func(auth.System) error
	// Funcs are transforms of your own that mappings may name; nil: none. The command carnet
	// has none: it checks what is around them, and says that their code is to be read.
	Funcs []mapping.Func
}

// Load reads and checks everything at once. The error is mapping.Findings.
func Load(dir fs.FS, o *Options) (*auth.Boundary, error) {
	l := newLoader(o)
	l.load(dir)
	return l.result()
}

func newLoader(o *Options) *loader {
	if o == nil {
		o = &Options{}
	}
	l := &loader{narrow: o.Narrow, fits: o.Fits, funcs: o.Funcs}
	if slices.Contains(o.Narrow, nil) {
		l.find("F105", "", "a decider that narrows is nil")
	}
	return l
}
