package edge

import "github.com/carnet-go/carnet/audit/verify/internal/commit"

// Commit is the one commit line that may stand after the lines of a tree.
func (t *Tree) Commit() []byte { return commit.Line(t.Size, t.Root()) }
