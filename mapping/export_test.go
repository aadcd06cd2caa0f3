package mapping

// Memory is that of a record's body.
func Memory(r Record) []byte { return r.held().run.Out }
