package mapping

// Memory is that of a record's body.
func Memory(r Record) []byte { return r.held().run.Out }

// Numbers are what a record's memory still knows of its source.
func Numbers(r Record) (all []int64) {
	for _, v := range r.held().values[:cap(r.held().values)] {
		all = append(all, v.N)
	}
	return all
}

// Source is the memory of a document that MapJSON has taken.
func Source(r Record) []byte { return r.held().raw.source[:cap(r.held().raw.source)] }
