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

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

// Mac makes the tokens of one key.
type Mac struct {
	version string
	hash    hash.Hash
	message []byte
	sum     [sha256.Size]byte
	room    [4 * sha256.BlockSize]byte // of the message, mostly
}

// NewMac takes a version of letters, digits, _ and -, and a key of at least 16 bytes; nil:
// they are none. It keeps no reference to the key.
func NewMac(version string, key []byte) *Mac {
	if len(key) < minKey || !versioned(version) {
		return nil
	}
	m := &Mac{version: version, hash: hmac.New(sha256.New, key)}
	m.message = m.room[:0]
	return m
}

// Wipe overwrites the values. The Mac must not be used any more.
func (m *Mac) Wipe() {
	clear(m.message[:cap(m.message)])
	m.hash = nil
}

func versioned(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxVersion
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
	if wrong := takes(f, scan.String, scan.Integer, scan.Natural); wrong.Kind != 0 {
		p = wrong
	}
	switch {
	case p.Kind != 0:
	case len(a.Key) > 128 || !keyName.MatchString(a.Key):
		p = arguments("its key is not the name of one, such as crm/tokens")
	case few(f.Node):
		p = Problem{Kind: WrongType, Text: "is for fields of more values: few have few tokens, which tell which is which"}
	}
	domain := behind(behind(behind(nil, a.Key), f.Schema), f.Path)
	least := len(prefix) + 1 + 1 + base64.RawURLEncoding.EncodedLen(tokenBytes)
	return Step{
		Key: a.Key, Out: plainText(least, least+maxVersion-1), Hides: true, Fallible: f.Node.Kind == scan.String && f.Node.MinLength == 0,
		apply: func(c *Call, v Value) (Value, bool) {
			text, mac := c.text(v, 0), c.Macs[a.Key]
			if len(text) == 0 || mac == nil {
				return Value{}, false
			}
			return Value{Kind: scan.String, Text: c.put(func(dst []byte) []byte { return mac.append(dst, domain, text) }), Plain: true}, true
		},
	}, a, p
}

func few(n *scan.Node) bool {
	if n.Kind == scan.Integer || n.Kind == scan.Natural {
		return n.Integers != nil || uint64(n.Max)-uint64(n.Min) < fewValues
	}
	return n.Texts != nil || n.Format == scan.Date || n.MaxLength < 6
}

// behind appends a part behind its length.
func behind[T string | []byte](dst []byte, part T) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(len(part))), part...)
}

func (m *Mac) append(dst, domain, value []byte) []byte {
	m.reserve(len(domain) + 8 + len(m.version) + 8 + len(value))
	m.message = behind(behind(append(m.message[:0], domain...), m.version), value)
	m.hash.Reset()
	_, _ = m.hash.Write(m.message)
	dst = append(append(append(dst, prefix...), m.version...), '.')
	return base64.RawURLEncoding.AppendEncode(dst, m.hash.Sum(m.sum[:0])[:tokenBytes])
}

// reserve makes room for a message. What held one before is overwritten.
func (m *Mac) reserve(size int) {
	if cap(m.message) < size {
		clear(m.message[:cap(m.message)])
		m.message = make([]byte, 0, size)
	}
}
