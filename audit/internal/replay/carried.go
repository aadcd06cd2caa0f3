package replay

// carries says whether the batch that begins a segment carries what the lines before it come to.
// Where no checkpoint covers it yet the next one will, and who opens the log then believes it and
// reads no line before.
func (r *Replay) carries(b *pending) bool {
	if r.Good > 0 || r.Tree.Size == 0 || r.Tree.Size < r.Now.Size || r.Under == nil {
		return true
	}
	keys := r.State.Keys()
	if r.Rekey != nil {
		keys = append(keys, r.Rekey.To)
	}
	return r.known && r.State.Is(b.carried, keys, r.last)
}
