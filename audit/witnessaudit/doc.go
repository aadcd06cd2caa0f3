// Package witnessaudit has somebody else vouch for a log: a witness on another machine
// cosigns its checkpoints, so that not even who holds the log's key can show two histories.
//
//	client, err := witnessaudit.NewClient("https://witness.example", vkey, nil)
//	watcher, err := witnessaudit.NewWatcher(dir, []string{log.Key()}, []*witnessaudit.Client{client}, nil)
//	err = watcher.Run(ctx) // beside the log, until ctx ends
//
// On the other machine, as the command "carnet audit witness" does it:
//
//	key, err := witnessaudit.CreateKey("witness.key", "witness.example/w1") // once
//	err = witnessaudit.Create(dir, key)                                     // once
//	witness, err := witnessaudit.Open(dir, key, []string{logKey}, nil)
//	err = http.ListenAndServeTLS(addr, cert, certKey, witness)
//
// # Guarantees
//
//   - The protocol is C2SP tlog-witness, and a cosignature that of C2SP tlog-cosignature with
//     Ed25519 (0x04): other logs, witnesses and readers of these formats fit.
//   - A [Witness] cosigns a checkpoint only if a key that it was given for the origin signed
//     it, and if it is proven to continue the one that it cosigned before. What it cosigns
//     is on its disk before the cosignature leaves it: a witness that crashed, or answered
//     two at once, has not vouched for two histories.
//   - A [Client] returns nothing but a cosignature of the one key that it was given, over
//     the checkpoint that it sent, made within five minutes of its own clock.
//   - A [Watcher] keeps the newest checkpoint that its witnesses cosigned in DIR/cosigned, which
//     never becomes older. A log that is behind or beside that file is an error, and so is
//     a witness that knows more lines than the log has: the log was cut.
//   - [ReadCheckpoint] tells whoever relies on such a file which of the witnesses that he knows
//     have cosigned it.
//   - A witness that says anything of its size is asked twice in a round at most. One that tells
//     of another history is told of in each round from then on, whatever it says later.
//   - A log does not wait for its witnesses, and one that does not answer holds up no other.
//
// # Limits
//
// A witness vouches for one history, not for what the lines say. Its key, and what it is
// told of the log's key, have to reach people by another way than the log: where a log was
// rekeyed, Witness, Watcher and ReadCheckpoint need both keys until the new one has signed what
// was cosigned last, the older one first, and the new one alone from then on. Who restores an
// old copy of a witness's whole folder makes it forget: a Watcher that knows better says so
// ([ErrForgot]), and a witness that runs notices that a file was changed beneath it.
// Another root of the size that it holds is 422, as C2SP tlog-witness has it since July 2026; a Client
// takes 409 for it too, as version 1.0.0 had it. Nothing here cosigns with ML-DSA-44 yet; such lines of others are left alone.
//
// # Errors
//
// [ErrUnavailable], [ErrRefused], [ErrFork], [ErrCosignature] and [*ConflictError] tell what a
// witness did, [ErrBehind], [ErrAhead] and [ErrForgot] what a Watcher found. None has text of
// the far side, a path, or the URL.
//
// # Concurrency
//
// A Client and a Witness are safe for concurrent use. A Watcher has one user at a time; it
// asks its witnesses on a goroutine each, and has ended them when Round returns.
package witnessaudit
