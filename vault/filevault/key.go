package filevault

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"filippo.io/age"

	"github.com/carnet-go/carnet/auth"
)

const (
	// workFactor is age's own default: 2^18 rounds, 256 MiB.
	workFactor         = 18
	shortestPassphrase = 12
	longestKey         = 16 << 10 // a file of age-keygen, with its comments
)

var (
	errNoKey = fmt.Errorf("%w: the identity is neither one age identity, nor the private half of an SSH key (ed25519, or RSA of 2048 bits or more), nor a passphrase of 12 bytes or more on one line", auth.ErrInvalid)
	errSame  = fmt.Errorf("%w: the new identity is the old one: nothing was changed", auth.ErrInvalid)
	errMade  = fmt.Errorf("%w: no identity could be made", auth.ErrUnavailable)
)

// NewIdentity makes an age identity (X25519), one line AGE-SECRET-KEY-1….
func NewIdentity() (auth.Secret, error) {
	made, err := age.GenerateX25519Identity()
	if err != nil {
		return auth.Secret{}, errMade
	}
	return auth.NewSecret([]byte(made.String())), nil
}

// NewHybridIdentity makes an age identity that a quantum computer does not break either
// (ML-KEM-768 with X25519), one line AGE-SECRET-KEY-PQ-1….
func NewHybridIdentity() (auth.Secret, error) {
	made, err := age.GenerateHybridIdentity()
	if err != nil {
		return auth.Secret{}, errMade
	}
	return auth.NewSecret([]byte(made.String())), nil
}

// key is both halves of an identity. age holds them as strings, which cannot be wiped.
type key struct {
	identity  age.Identity
	recipient age.Recipient
	own       string // what no other key has: the public half, or the passphrase
}

func (k key) same(as key) bool { return k.own == as.own }

func parseKey(secret auth.Secret) (key, error) {
	k, err := key{}, errNoKey
	_ = secret.Use(func(b []byte) error {
		if len(b) <= longestKey {
			k, err = keyOf(b)
		}
		return nil
	})
	return k, err
}

// keyOf tells a passphrase from an identity. What looks like a key and is none is never a
// passphrase: it may be a public one.
func keyOf(b []byte) (key, error) {
	if text := bytes.TrimSpace(b); looksLikePEM(text) {
		return sshKey(text)
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	switch line := oneLine(b); {
	case looksLikeAge(line):
		return ageKey(string(line))
	case bytes.ContainsAny(b, "\n\r\x00") || len(b) < shortestPassphrase || holdsKey(b):
		return key{}, errNoKey
	}
	return passphraseKey(string(b))
}

// oneLine is the only line that is no comment; nil: there is none, or there are more.
func oneLine(b []byte) []byte {
	var line []byte
	lines := 0
	for part := range bytes.Lines(b) {
		part = bytes.TrimSpace(part)
		if len(part) == 0 || part[0] == '#' {
			continue
		}
		line, lines = part, lines+1
	}
	if lines != 1 {
		return nil
	}
	return line
}

func looksLikeAge(line []byte) bool {
	lower := bytes.ToLower(line)
	defer clear(lower)
	return bytes.HasPrefix(lower, []byte("age-")) || bytes.HasPrefix(lower, []byte("age1"))
}

// keyLike is what no passphrase is, in lower case: a key or a part of one, as somebody copies
// it, with what stands around it there. In the base64 of a key it is what that begins with; of
// what comes later nobody can tell.
var keyLike = regexp.MustCompile(strings.Join([]string{
	`age1[a-z0-9]{20}`, `secret.?key.?(1|pq)`, `age-plugin-`, // age
	`^(ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-|sha256:[a-z0-9+/]{43})`, // SSH
	`--(-- )?(begin|end)`, `(private|public) key ?--`, // PEM, and what ssh-keygen -e writes
	`b3blbnnzac1rzxktdj`, `aaaa(b3nzac1|c3nzac1|e2vjzhnh|gnnrlxnza|innrlwvj)`, `^(mii[a-z0-9+/]{20}|mc4caqaw|mhccaqee)`,
}, "|"))

func holdsKey(b []byte) bool {
	lower := bytes.ToLower(bytes.TrimSpace(b))
	defer clear(lower)
	return keyLike.Match(lower)
}

func ageKey(s string) (key, error) {
	if strings.HasPrefix(s, "AGE-SECRET-KEY-PQ-1") {
		i, err := age.ParseHybridIdentity(s)
		if err != nil {
			return key{}, errNoKey
		}
		return key{i, i.Recipient(), i.Recipient().String()}, nil
	}
	i, err := age.ParseX25519Identity(s)
	if err != nil {
		return key{}, errNoKey
	}
	return key{i, i.Recipient(), i.Recipient().String()}, nil
}

func passphraseKey(s string) (key, error) {
	i, err := age.NewScryptIdentity(s)
	if err != nil {
		return key{}, errNoKey
	}
	r, err := age.NewScryptRecipient(s)
	if err != nil {
		return key{}, errNoKey
	}
	i.SetMaxWorkFactor(workFactor)
	r.SetWorkFactor(workFactor)
	return key{i, r, s}, nil
}
