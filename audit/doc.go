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
//   - People are pseudonyms ([Log.Pseudonym]): random ones, and whose each is stands in a table
//     beside the lines, on the disk before a line has it. [Log.Erase] forgets whose one was, also
//     for whoever has the signer; every line, proof and checkpoint stays valid. No log opens with
//     a table that is missing, damaged, another log's or from before an erasure. Digests are keyed
//     ([Log.Fingerprint]); an [Event] has no place for free text.
//   - A log has one tenant: that of its first event that names one. What a log has
//     witnessed for one tenant opens nothing of another.
//   - Queue and disk have shares: outcomes, then revocations and undos, then crossings,
//     then denials. A full disk refuses what begins while there is still room for how it
//     ends, and a flood of denials makes nobody else wait for more than the batch that is
//     being written. A file that was removed, moved, truncated, written to or given other
//     permissions by others stops the log.
//   - A new segment begins between two commits, by size or age ([Options]). At each moment
//     a crash leaves a log that opens. While none can be begun, what ends goes on in the
//     old one.
//   - A [Feed] gets every line, in order and at least once, after it is durable. A sink that
//     is dead or hangs holds up nobody, and memory is one batch of a megabyte; that it lags
//     is an event, audit.lag, and so is what follows: audit.caughtup, audit.abandoned (its
//     Deliver did not return), audit.again (its cursor did not open: everything comes
//     again) and audit.gap (lines were removed before it had them).
//   - A grant (an event with decision "allowed" and a grant id) that no later event of
//     the same grant and action answered is closed as unknown by the next Open; a later
//     answer says which line it resolves.
//   - [Log.Retain] gives up whole old segments, and says so in the log before; every proof
//     stays.
//   - [Rekey] replaces the key: the log, its tree, proofs and cursors go on. The old key signs
//     for the new one, and from then on nothing that it signs or seals is accepted. Who has the
//     old verifier key finds the new one in the log, and nobody without the old key brings one.
//
// # Format
//
// A log is a folder: seg/ has the lines in segments, each named by the index of its first
// line: JSON in ASCII, as OCSF 1.6.0 has it:
//
//	6003 API Activity           what crosses, and what has no other class
//	3002 Authentication         gate.admit and gate.refuse of somebody; what a better login would allow
//	2004 Detection Finding      gate.freeze and gate.thaw, vault.refuse and vault.accept, run.park and
//	                            what was said of it, what becomes of sinks
//	6002 Application Lifecycle  the log's own lines, and gate.open
//
// What OCSF has no place for stands in the member carnet, which is an extension of it: uid
// 999, the one for development, because none is registered. Its definitions, and a JSON
// Schema of a line, are in testdata/ocsf. The exact bytes of a line are a leaf of an
// RFC 6962 tree, whose hashes are below tile/ (C2SP tlog-tiles), and whose newest
// checkpoint (C2SP tlog-checkpoint, a signed note) is in checkpoint. sink/ has how far each
// feed got, sealed with a key of the log, and no evidence; nor is people, the table: keyed digests
// of issuers and subjects with their pseudonyms, whose key is sealed with one of the log, so that
// it alone names nobody. Package verify reads all that
// without sharing a line of code with this one. Package witnessaudit keeps in
// cosigned the newest checkpoint that others have cosigned.
//
// A segment but the first begins with audit.segment, whose member "segment" has the first
// index of the segment before it, and size and root of the tree so far. Behind it, in the
// same commit, stand audit.carried lines, whose members "carried" together say what Open
// must know: origin and key of the log, tenant, kept (the first line that Retain kept),
// erased (how often the table of people was replaced, as audit.erased said in count),
// earliest and latest (time in the segment before), newest (the indices of the
// newest lines of gate.freeze, gate.thaw, what begins with vault.generation, and of the 256
// other actions that came last), open (grants without an answer: grant, action, index) and
// closed (grants that the log closed as unknown and nobody answered since). A segment ends
// with a commit line. audit.retained has {"retained":{"first":…,"seal":…}}, the first line
// that is kept, sealed with a key of the log, and is under a checkpoint before anything goes.
//
// Where the key was replaced, the first commit of a segment also has audit.rekeyed, with
// {"rekey":{"from_key":…,"to_key":…,"proof":…}}, and behind it a checkpoint of the old key over
// that line, and one of the new key. The members key and former of "carried" are the new key and
// all before it. proof is signed by the new key: "carnet audit: the log goes on under another key,
// version 1", a zero byte, and origin, size and root of the tree before that segment, from_key
// and to_key, a newline behind each.
//
// # Limits
//
// What stands behind the newest checkpoint is worth as much as the permissions of the folder:
// whoever may write there can add lines, which the next Open signs. By none of them does it
// give up a line or forget what signed ones have said.
//
// Durability is promised on Linux; macOS and Windows build and pass the tests that do
// not need it. One process has a log at a time. Open reads the newest segment; what is
// wrong in an older one, or in tiles that it does not need, only verify notices. A segment
// grows past its size while some thousand grants are open, which its successor would have
// to repeat. Of the grants that it closed, the log resolves the newest 4,096. It takes what vaults
// know of 256 stores, and no more. Times are
// UTC milliseconds. The signer has to be there for every checkpoint: while it fails,
// nothing new begins. Events reads, it does not verify. The key of fingerprints is derived from
// the signer, so that a Rekey means new ones; pseudonyms stay, and so does the key of the table's digests: with
// the old key and a copy of the table from then somebody can tell whether a table has whom he thinks of. Whoever stole a key before it was replaced can go on
// from there in a log of his own, under a key of his own: only the right verifier key, or a
// checkpoint that somebody holds, tells the two apart. A disk that says it wrote what it
// did not is not noticed before the next Open.
//
// The table of people takes 1,048,576 and holds them in memory, about 120 bytes each; somebody new
// beyond that, or while it cannot be written, is ErrNotRecorded, and who is known goes on. Open
// reads all of it and Erase writes it anew, which takes seconds when it is full. Whoever may write
// the folder can cut people from its end, or put back a table from before they came: they get new
// pseudonyms then. One from before an erasure does not open once the log has said audit.erased;
// who puts back log and table together brings back the erased, and only a newer checkpoint that
// somebody else holds tells. Erase replaces a file: old blocks of a disk, hard links, snapshots
// and backups are the operator's. What lines say besides (issuer,
// scopes, systems, times) stays, and may tell who it was to whoever knows enough; and where one
// alone was erased, his is the pseudonym that nobody has.
//
// # Errors
//
// Append knows three ends: nil, [ErrNotRecorded] and [ErrIndeterminate]; an error of
// the caller's context is in there too. [ErrFeed]: a sink may not have the lines, or has
// lines that the log has lost. [ErrBehind]: Close left a sink behind. [ErrRekeyed]: the
// key was replaced. A missing log is fs.ErrNotExist, and one that is there already
// fs.ErrExist. A line that was given up is [ErrNotKept], and one that
// cannot be yet is [ErrNeeded]. [ErrNobody]: there is nobody to erase. A table of people that
// does not open refuses, until it is put back, or Options.NewPeople gives it up. No error has a path or a value of an event.
//
// # Concurrency
//
// A [Log] is safe for concurrent use. Append, Open, Proof, Events, Read, Retain and Close wait
// for the disk at most until their ctx ends; on a disk that hangs a log holds some goroutines,
// however often it is asked. Open starts one, and one for each feed,
// which Close ends; one more writes down new people while there are some.
package audit
