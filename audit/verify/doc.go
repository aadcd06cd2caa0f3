// Package verify reads a log as a stranger does: it shares no code with the writer and
// believes nothing that the log says about itself.
//
//	report, err := verify.Dir(ctx, os.DirFS("/var/lib/acme/audit"), []string{vkey})
//	if err != nil || len(report.Findings) > 0 {
//		// do not rely on it
//	}
//
// # Guarantees
//
// Whoever has not the key cannot change, insert, remove or reorder a line, in a log of which
// Dir finds nothing, without that a finding names the first bad index. Dir hashes each line
// again, computes the root of each commit line, compares each hash of each tile, and checks
// the signature of each checkpoint, in the log and beside it. Keys are an argument and come
// from elsewhere: a log does not vouch for itself.
//
// Only one encoding of anything passes: checkpoints and proofs are encoded again and
// compared, a signature line of a key that was not given is a finding, and so is a file that
// does not belong there, one that is missing, and a line that no checkpoint covers.
//
// A log may have several segments: each begins with a line that names the one before it and
// the tree so far, and ends with a whole batch. Oldest ones may have been removed if a later
// line says so: Report.First is the first line that is there, the hashes of those before it
// are in the tiles, and these are proven by the same checkpoints. Such a log says no more who
// began it, so its origin is the one in DIR/checkpoint, under a given key, and which keys were
// before that one, its first segment carries.
//
// A log may have gone on under another key: the new key has signed that it takes over at this
// place, and the next line is a checkpoint of the old one over that line. From there on only the
// new key counts, before it only the old one, in the log, beside it, and in what others have
// kept. Either key may be given, or both, in any order: who has the old one follows the
// line, and who has the new one believes what it took over. A log that was not under each of its
// origin's keys that were given is not the one that was meant, and no key comes back. Report.Key is
// the key that it is under. Proof follows nothing: later proofs are under that key.
//
// Logs verifies several, against the origins that must be there. One that is missing is
// unknown and the whole is not clean, one more is a finding, and so are two of one origin
// that tell different histories.
//
// Witnesses (c2sp.org/tlog-cosignature, Ed25519) may have cosigned a proof's checkpoint and
// those that others have kept. With a threshold, what too few have cosigned is refused. What
// stands in a log and beside it is signed by the log alone.
//
// # Limits
//
// What the first segment that is there carries over cannot be held against lines that are gone;
// of the others the times and the key are not.
//
// Whoever has the key can write another history. Checkpoints that others hold are the
// remedy: pass them as known. Whoever stole the key before it was replaced can have the log go on
// under a key of his own, or under the old one from an older state: give the new key, and that
// is a finding. Where a log gave up the line that named its new key, who has the old key only
// cannot follow, and only the key that the log is under says which were before. A thief of the
// old one can say so of the new one: there, and only there, the order in which they are given
// tells, the older one first. Checkpoints of it that were kept, beside the log too, are good for
// who gives it.
//
// A log that its writer still uses may have lines that no checkpoint covers yet; verify a closed
// or idle log, or a copy. A commit line that is taken out between two batches leaves one larger
// batch, with the same lines and the same root: that is not a finding, as nothing that anybody
// did is missing.
//
// DIR/LOCK may be absent, as in a copy, and so may DIR/sink, which has how far sinks got:
// nothing in there is read. Nor is DIR/people, which says whose pseudonyms are: it is no
// evidence, and a log from which somebody was erased is as valid as before. Whoever gets a copy
// of a log to verify it needs no copy of that.
//
// # Errors
//
// An error is about reading or about an argument: no key, a file that cannot be read, the end
// of the context. What is wrong with the log stands in Report.Findings. Codes are stable:
//
//	stray       a file or folder that no log of this size has
//	missing     a file that a log of this size has
//	irregular   neither a file nor a folder; nothing else is read then
//	lock        LOCK is not empty
//	line        a line does not match its hash in the tree
//	long        a line over 65,535 bytes
//	json        a line that is not UTF-8, not one JSON object, or has a member twice
//	sequence    a line that says another index than its own
//	torn        the last batch has no commit line
//	cut         the log ends before its checkpoint's size
//	commit      a commit line does not match the lines before it
//	tile        a tile does not match the lines
//	genesis     line 0 is no genesis event, or another line is one
//	key         the genesis event names an origin or a key that was not given
//	inband      a checkpoint event's note is not valid
//	history     a checkpoint is valid, but of other lines
//	checkpoint  DIR/checkpoint is not valid
//	unsigned    lines that DIR/checkpoint does not cover
//	known       a known checkpoint, or the one in DIR/cosigned, is not valid, or too few
//	            witnesses have cosigned it
//	rekey       a line names another key without that key, or none of the old one over it
//	            follows, or one that the log had before; or the log was not under each key of its
//	            origin that was given
//	segment     a segment has no line, or its first one does not say what the lines before it
//	            do, or another line says such a thing
//	carried     a segment carries over what the lines before it do not say, or another line does
//	origin      the log is of another origin than those that were expected
//	fork        another log of this origin has another line here
//
// # Concurrency
//
// All functions are safe for concurrent use. Dir hashes and reads lines on as many goroutines
// as there are processors, reads the file on one more, and builds the tree on the caller's. It
// holds about a megabyte for each processor, and has ended them all when it returns. On one
// core it needs about twice the time of hashing the same bytes, and on two about as much.
package verify
