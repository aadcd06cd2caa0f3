package key

// What tests compare with.
var (
	ErrPublic    = errPublic
	ErrSigner    = errSigner
	ErrAlgorithm = errAlgorithm
	ErrRandom    = errRandom
	ErrMissing   = errMissing
	ErrMode      = errMode
	ErrFile      = errFile
	ErrText      = errText
	ErrMalformed = errMalformed
	ErrForeign   = errForeign
)
