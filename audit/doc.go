// Package audit keeps a log of what happened that a crash cannot shorten and that a
// stranger can verify.
//
//	err := audit.Create(ctx, dir, "acme.example/hr/a", nil) // once
//	log, err := audit.Open(ctx, dir, nil)
//	receipt, err := log.Append(ctx, audit.Event{Action: "crm.contact.read", Outcome: audit.OutcomeSuccess})
//	proof, err := log.Proof(ctx, receipt.Index)
//	err = log.Close(ctx)
//
// # Guarantees
//
//   - When Append returned nil the event is on the disk, also after a power cut. Many
//     callers share one write and one fdatasync.
//   - Each commit ends in the same write with a line that has the size and root of the
//     tree so far. Open cuts only what stands behind the last whole one, so never an
//     event that was acknowledged; damage before it refuses to open.
//   - At least once a second while there are new events, and on Close, a signed
//     checkpoint of everything is written, into the log too: whoever receives the
//     stream holds an anchor. An idle log gets no new lines.
//   - The log is tamper-evident against everybody without the key; against the
//     operator up to the newest checkpoint that somebody else holds. [Options.Floor]
//     brings such a checkpoint: a log that is behind or beside it does not open.
//   - People are pseudonyms under a key of the log ([Log.Pseudonym]); digests are keyed
//     ([Log.Fingerprint]); an [Event] has no place for free text.
//   - A log has one tenant: that of its first event that names one. What a log has
//     witnessed for one tenant opens nothing of another.
//   - A full disk refuses what begins while there is still room for how it ends. A file
//     that was removed, moved, truncated or written to by others stops the log.
//   - A grant (an event with decision "allowed" and a grant id) that no later event of
//     the same grant and action answered is closed as unknown by the next Open.
//
// # Format
//
// A log is a folder: seg/ has the lines, JSON as OCSF 1.6.0 API Activity (6003), with
// what OCSF has no place for in the member "carnet". The exact bytes of a line are a
// leaf of an RFC 6962 tree, whose hashes are below tile/ (C2SP tlog-tiles), and whose
// newest checkpoint (C2SP tlog-checkpoint, a signed note) is in checkpoint. Package
// verify reads all that without sharing a line of code with this one.
//
// # Limits
//
// Durability is promised on Linux; macOS and Windows build and pass the tests that do
// not need it. One process has a log at a time, and a log is one segment. Times are
// UTC milliseconds. The signer has to be there for every checkpoint: while it fails,
// nothing new begins. Events reads, it does not verify. The key of pseudonyms is
// derived from the signer, so a new signer means new pseudonyms. A disk that says it
// wrote what it did not is not noticed before the next Open.
//
// # Errors
//
// Append knows three ends: nil, [ErrNotRecorded] and [ErrIndeterminate]; an error of
// the caller's context is in there too. A missing log is fs.ErrNotExist, and one that
// is there already fs.ErrExist. No error has a path or a value of an event.
//
// # Concurrency
//
// A [Log] is safe for concurrent use. Append, Proof and Close wait for the disk at most
// until their ctx ends. Open starts one goroutine, which Close ends.
package audit
