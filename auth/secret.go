package auth

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/carnet-go/carnet/auth/internal/held"
)

// redacted is what every printed Secret looks like.
const redacted = "[secret]"

var errSecretMarshalled = errors.New("auth: a secret cannot be marshalled")

// Secret is bytes that cannot be printed. It holds a closure, so that no verb and
// no reflection reaches them: fmt, for one, calls no method of a value in an
// unexported field. The zero Secret is empty.
type Secret struct{ reveal func() *held.Bytes }

// NewSecret takes b over; the caller must not use it afterwards.
func NewSecret(b []byte) Secret {
	if len(b) == 0 {
		return Secret{}
	}
	h := held.New(b)
	return Secret{func() *held.Bytes { return h }}
}

// Use lends the bytes until fn returns. fn must not keep or change them. An empty
// Secret is ErrUndeclared, one that was wiped is ErrExpired, and fn is not called: an
// empty password or key is never a credential.
func (s Secret) Use(fn func(b []byte) error) error {
	if s.reveal == nil {
		return ErrUndeclared
	}
	if fn == nil {
		return ErrInvalid
	}
	return s.reveal().Use(fn, ErrExpired)
}

// Equal takes a time that says nothing of the content. A Secret that is empty or was wiped
// equals nothing.
func (s Secret) Equal(b []byte) bool { return s.reveal != nil && s.reveal().Equal(b) }

// Wipe overwrites the bytes, for all who have this Secret, as soon as nobody uses them. It
// cannot reach what somebody has made of them, such as a string.
func (s Secret) Wipe() {
	if s.reveal != nil {
		s.reveal().Wipe()
	}
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
