package cursor

// The refusals, to be compared.
var (
	ErrCursor    = errCursor
	ErrBeside    = errBeside
	ErrFolder    = errFolder
	ErrTwice     = errTwice
	ErrZero      = errZero
	ErrNowhere   = errNowhere
	ErrElsewhere = errElsewhere
	ErrClass     = errClass
	ErrClearance = errClearance
	ErrRekey     = errRekey
)
