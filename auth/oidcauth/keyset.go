package oidcauth

import "github.com/carnet-go/carnet/auth/internal/strictjson"

// keySet is one answer of an issuer: immutable.
type keySet struct{ keys []key }

// parseKeys reads a JWK set (RFC 7517, section 5). Keys that this package cannot
// use are passed over; a set of nothing else is nil.
func parseKeys(body []byte) *keySet {
	v, ok := strictjson.Read(string(body))
	if !ok || !v.Distinct("keys") {
		return nil
	}
	published, _ := v.Get("keys")
	set := &keySet{}
	for _, item := range published.Of {
		if k, ok := parseKey(item.Value); ok && !repeated(set.keys, k) {
			set.keys = append(set.keys, k)
		}
	}
	if len(set.keys) == 0 {
		return nil
	}
	return set
}

func repeated(keys []key, k key) bool {
	for _, other := range keys {
		if other.id == k.id && other.same(k) {
			return true
		}
	}
	return false
}

// find is the one key for a token. Where two go by the same kid, or where there is
// none and two fit the algorithm, it is anybody's guess which of them is meant.
func (s *keySet) find(h header) (key, bool) {
	var found key
	fits := 0
	for _, k := range s.keys {
		if k.alg == h.alg && (h.key == "" || k.id == h.key) {
			found = k
			fits++
		}
	}
	return found, fits == 1
}

func (s *keySet) verify(t token) error {
	k, ok := s.find(t.header)
	if !ok {
		return errKey
	}
	if !k.verify(t.signed, t.signature) {
		return errSignature
	}
	return nil
}
