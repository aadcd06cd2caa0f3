package declare

import "strconv"

type code int

const (
	notUTF8 code = 101 + iota
	syntax
	tooDeep
	tooLarge
	unknownMember
	duplicate
	caseVariant
	wrongType
	null
	misfit
	badDuration
	badTime
	unknownName
	surrogate
	tooMany
	badTarget
)

// Numbers above these say which type was wanted; they share the code D108.
const (
	wantObject code = 1000 + iota
	wantList
	wantString
	wantNumber
	wantBool
)

// String is the stable code.
func (c code) String() string {
	if c >= wantObject {
		c = wrongType
	}
	return "D" + strconv.Itoa(int(c))
}

func (c code) text() string {
	switch c {
	case notUTF8:
		return "not UTF-8"
	case syntax:
		return "not JSON with comments"
	case tooDeep:
		return "nested deeper than 32 levels"
	case tooLarge:
		return "larger than 1 MiB"
	case unknownMember:
		return "unknown member"
	case duplicate:
		return "member occurs twice"
	case caseVariant:
		return "member differs from a declared one only in case"
	case wantObject:
		return "wrong type: an object is expected"
	case wantList:
		return "wrong type: a list is expected"
	case wantString:
		return "wrong type: a string is expected"
	case wantNumber:
		return "wrong type: a number is expected"
	case wantBool:
		return "wrong type: true or false is expected"
	case null:
		return "null: leave the member out"
	case misfit:
		return "number does not fit"
	case badDuration:
		return "not a duration such as 15m; for none, leave the member out"
	case badTime:
		return "not a time such as 2027-06-30T00:00:00Z; for none, leave the member out"
	case unknownName:
		return "unknown name"
	case surrogate:
		return "half a surrogate pair"
	case tooMany:
		return "more problems than are listed"
	default:
		return "this type cannot be declared"
	}
}
