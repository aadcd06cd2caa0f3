package witnessaudit

import "time"

// SignAt is a cosignature line of some time.
func (k *Key) SignAt(text string, t time.Time) string {
	line, err := k.sign(text, t.Unix())
	if err != nil {
		panic(err)
	}
	return line
}

// Proxied says whether somebody else is asked first.
func (c *Client) Proxied() bool { return c.transport.Proxy != nil }

// HashOf is how a log is named in paths.
func HashOf(origin string) string { return hashOf(origin) }

// What the tests compare and bound.
var (
	ErrName, ErrSigner, ErrSign, ErrVerifier             = errName, errSigner, errSign, errVerifier
	ErrKeyThere, ErrKeyMissing, ErrKeyFile, ErrKeyMode   = errKeyThere, errKeyMissing, errKeyFile, errKeyMode
	ErrKeyText, ErrKeyWrite                              = errKeyText, errKeyWrite
	ErrNoLogs, ErrLogKey, ErrState, ErrStateThere        = errNoLogs, errLogKey, errState, errStateThere
	ErrStateMissing, ErrStateInUse, ErrStateOther        = errStateMissing, errStateInUse, errStateOther
	ErrDamaged, ErrChanged, ErrClock                     = errDamaged, errChanged, errClock
	ErrMalformed, ErrForeign, ErrURL, ErrTLS, ErrTimeout = errMalformed, errForeign, errURL, errTLS, errTimeout
	ErrArgument, ErrNoClient, ErrNoClients, ErrOptions   = errArgument, errNoClient, errNoClients, errOptions
	ErrOneLog, ErrCheckpoint, ErrCosigned, ErrKeep       = errOneLog, errCheckpoint, errCosigned, errKeep
	ErrNoWatcher, ErrTiles                               = errNoWatcher, errTiles
)

// The bounds.
const (
	MaxNote   = maxNote
	MaxAnswer = maxAnswer
	AtOnce    = atOnce
)
