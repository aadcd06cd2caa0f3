package transform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash"
	"regexp"

	"github.com/carnet-go/carnet/mapping/internal/scan"
)

const (
	prefix     = "tk1."
	tokenBytes = 16 // 40 bits collide among 100,000 people
	maxVersion = 36 // a UUID
	minKey     = 16
	fewValues  = 1_000_000
)

var (
	keyName    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)
	keyVersion = regexp.MustCompile(`^[A-Za-z0-9_-]{1,36}$`)
)

// Mac makes the tokens of one key.
type Mac struct {
	version string
	hash    hash.Hash
	sum     [sha256.Size]byte
	size    [8]byte
}

// NewMac takes a version of letters, digits, _ and -, and a key of at least 16 bytes; nil:
// they are none. It keeps no reference to the key.
func NewMac(version string, key []byte) *Mac {
	if len(key) < minKey || !keyVersion.MatchString(version) {
		return nil
	}
	return &Mac{version: version, hash: hmac.New(sha256.New, key)}
}

// token yields tk1.VERSION.CHARACTERS: the first 128 bits of HMAC-SHA-256 over the key's
// name, the source schema's title, the source field's path, the key's version and the
// value, each behind its length. So one value of one field has one token in every mapping
// with that key, and another one in every other field. The value is taken as it is: text
// is not normalised, and integers are decimal digits. It fails for empty text, and is
// refused for fields of so few values that all their tokens are known soon.
func token(args map[string]json.RawMessage, f Field) (Step, any, Problem) {
	var a struct {
		Key string `json:"key"`
	}
	p := read(args, map[string]any{"key": &a.Key})
	if wrong := takes(f, scan.String, scan.Integer); wrong.Kind != 0 {
		p = wrong
	}
	switch {
	case p.Kind != 0:
	case len(a.Key) > 128 || !keyName.MatchString(a.Key):
		p = arguments("its key is not the name of one, such as crm/tokens")
	case few(f.Node):
		p = Problem{Kind: WrongType, Text: "is for fields of more values: few have few tokens, which tell which is which"}
	}
	least := len(prefix) + 1 + 1 + base64.RawURLEncoding.EncodedLen(tokenBytes)
	return Step{
		Key: a.Key, Out: plainText(least, least+maxVersion-1), Hides: true, Fallible: f.Node.Kind == scan.String && f.Node.MinLength == 0,
		apply: func(c *Call, v Value) (Value, bool) {
			text, mac := c.text(v, 0), c.Macs[a.Key]
			if len(text) == 0 || mac == nil {
				return Value{}, false
			}
			mac.begin(a.Key, f.Schema, f.Path)
			return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte { return mac.append(dst, text) }), Plain: true}, true
		},
	}, a, p
}

func few(n *scan.Node) bool {
	if n.Kind == scan.Integer {
		return n.Integers != nil || uint64(n.Max)-uint64(n.Min) < fewValues
	}
	return n.Texts != nil || n.Format == scan.Date || n.MaxLength < 6
}

func (m *Mac) begin(domain ...string) {
	m.hash.Reset()
	for _, part := range domain {
		m.length(len(part))
		_, _ = m.hash.Write([]byte(part))
	}
	m.length(len(m.version))
	_, _ = m.hash.Write([]byte(m.version))
}

func (m *Mac) length(n int) {
	binary.BigEndian.PutUint64(m.size[:], uint64(n))
	_, _ = m.hash.Write(m.size[:])
}

func (m *Mac) append(dst, value []byte) []byte {
	m.length(len(value))
	_, _ = m.hash.Write(value)
	dst = append(append(append(dst, prefix...), m.version...), '.')
	return base64.RawURLEncoding.AppendEncode(dst, m.hash.Sum(m.sum[:0])[:tokenBytes])
}
