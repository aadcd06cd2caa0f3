package ldapauth

import (
	"bytes"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// message is an LDAP message with what is inside of the operation.
func message(id int64, op ber.Tag, inside ...*ber.Packet) []byte {
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	o := ber.Encode(ber.ClassApplication, ber.TypeConstructed, op, nil, "")
	for _, p := range inside {
		o.AppendChild(p)
	}
	m.AppendChild(o)
	return m.Bytes()
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// nested puts an element into n sequences.
func nested(n int, p *ber.Packet) *ber.Packet {
	for range n {
		outer := ber.NewSequence("")
		outer.AppendChild(p)
		p = outer
	}
	return p
}

func TestNesting(t *testing.T) {
	entry := message(7, ldap.ApplicationSearchResultEntry, octets("uid=ada"), nested(3, octets("value")))
	for name, c := range map[string]struct {
		bytes []byte
		want  bool
	}{
		"nothing":               {nil, true},
		"an entry":              {entry, true},
		"two":                   {append(bytes.Clone(entry), entry...), true},
		"half of one":           {entry[:len(entry)/2], true},
		"an empty operation":    {message(1, ldap.ApplicationBindResponse), true},
		"long":                  {message(1, ldap.ApplicationSearchResultEntry, octets(string(make([]byte, 1<<20)))), true},
		"fourteen deep":         {message(1, ldap.ApplicationSearchResultEntry, nested(14, octets("x"))), true},
		"fifteen deep":          {message(1, ldap.ApplicationSearchResultEntry, nested(15, octets("x"))), false},
		"a thousand deep":       {message(1, ldap.ApplicationSearchResultEntry, nested(1000, octets("x"))), false},
		"no message":            {octets("hello").Bytes(), false},
		"no id":                 {nested(1, octets("x")).Bytes(), false},
		"no operation":          {[]byte{0x30, 0x06, 2, 1, 1, 0x30, 1, 0}, false},
		"id twice":              {[]byte{0x30, 0x06, 2, 1, 1, 2, 1, 1}, false},
		"id is an element":      {[]byte{0x30, 0x05, 0x22, 3, 2, 1, 1}, false},
		"longer than its shell": {[]byte{0x30, 0x05, 2, 1, 1, 0x61, 9}, false},
		"id as long as all":     {[]byte{0x30, 0x03, 2, 4, 1}, false},
		"indefinite length":     {[]byte{0x30, 0x80}, false},
		"length of five bytes":  {[]byte{0x30, 0x85, 0, 0, 0, 0, 1}, false},
		"a gigabyte":            {[]byte{0x30, 0x84, 0x40, 0, 0, 0}, false},
		"a long tag":            {[]byte{0x3f, 0x81}, false},
	} {
		var whole nesting
		if got := whole.take(c.bytes); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		var pieces nesting
		got := true
		for i := range c.bytes {
			got = got && pieces.take(c.bytes[i:i+1])
		}
		if got != c.want {
			t.Errorf("%s, byte by byte: %t", name, got)
		}
	}
}

// FuzzNesting: what is let through is decoded into messages with an id, none of them
// deeper than is said, and never with a panic.
func FuzzNesting(f *testing.F) {
	f.Add(message(7, ldap.ApplicationSearchResultEntry, octets("uid=ada"), nested(3, octets("value"))))
	f.Add(message(1, ldap.ApplicationSearchResultEntry, nested(20, octets("x"))))
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var n nesting
		if !n.take(b) {
			return
		}
		rest := bytes.NewReader(b)
		for rest.Len() > 0 {
			p, err := ber.ReadPacket(rest)
			if err != nil {
				return // cut off, or a value that is none
			}
			if len(p.Children) > 0 && p.Children[0].Tag != ber.TagInteger || depth(p) > deepest+1 {
				t.Errorf("let %x through", b)
			}
		}
	})
}

func depth(p *ber.Packet) (most int) {
	for _, c := range p.Children {
		most = max(most, depth(c))
	}
	return most + 1
}
