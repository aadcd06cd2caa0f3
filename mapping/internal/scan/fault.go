package scan

// MaxSize is the largest document, in bytes, without the white space around it.
const MaxSize = 4 << 20

// The codes of faults.
const (
	NotJSON    = "M301"
	TooLarge   = "M302"
	NotText    = "M303"
	Unknown    = "M304"
	Twice      = "M305"
	Missing    = "M306"
	WrongType  = "M307"
	NoFit      = "M308"
	WrongSize  = "M309"
	TooMany    = "M310"
	NoChoice   = "M311"
	NoMatch    = "M312"
	BadFormat  = "M313"
	NotAllowed = "M314"
	Failed     = "M315"
	TooMuch    = "M316"
)

// Fault is the first thing that does not fit.
type Fault struct {
	Code string
	Path string // of what does not fit, or of the object around what nobody declared
}
