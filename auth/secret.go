package auth

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// redacted is what every printed Secret looks like.
const redacted = "[secret]"

var errSecretMarshalled = errors.New("auth: a secret cannot be marshalled")

// Secret is bytes that cannot be printed. It holds a closure, so that no verb and
// no reflection reaches them: fmt, for one, calls no method of a value in an
// unexported field. The zero Secret is empty.
type Secret struct{ reveal func() []byte }

// NewSecret takes b over; the caller must not use it afterwards.
func NewSecret(b []byte) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	return Secret{func() []byte { return b }}
}

// Use lends the bytes until fn returns. fn must not keep or change them. An empty
// Secret is ErrUndeclared, and fn is not called: an empty password or key is never
// a credential.
func (s Secret) Use(fn func(b []byte) error) error {
	if s.reveal == nil {
		return ErrUndeclared
	}
	if fn == nil {
		return ErrInvalid
	}
	return fn(s.reveal())
}

// Equal compares in constant time. The empty Secret equals nothing.
func (s Secret) Equal(b []byte) bool {
	return s.reveal != nil && subtle.ConstantTimeCompare(s.reveal(), b) == 1
}

// Format prints a fixed word, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue logs what Format prints.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails: a secret that is stored as a fixed word would come back as
// a password. It also stops encoding/json and encoding/xml.
func (s Secret) MarshalText() ([]byte, error) { return nil, errSecretMarshalled }

// MarshalBinary fails. It also stops encoding/gob.
func (s Secret) MarshalBinary() ([]byte, error) { return nil, errSecretMarshalled }
