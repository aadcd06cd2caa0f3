package shape

import "encoding/json"

// Mapping is what an author of a mapping writes.
type Mapping struct {
	Schema      string `json:"$schema"`
	Description string
	Mapping     string
	From        string
	To          string
	Set         map[string]Rule
	Drop        map[string]string
}

// Rule is what one field is made of.
type Rule struct {
	From    string
	Do      []map[string]json.RawMessage
	OnError string
	Const   json.RawMessage
	Absent  string
}
