package scan

import "encoding/binary"

// key is a name as most documents write it: with quotes, and without escapes. One of up to
// sixteen bytes is compared as two numbers, which takes no call.
type key struct {
	text       string
	head, tail uint64 // its first eight bytes, and its last; of a shorter one twice the same
	mask       uint64 // which of them it has
	behind     int    // where the last eight begin
}

const word = 8

func newKey(name string) key {
	k := key{text: `"` + name + `"`}
	k.behind = max(0, len(k.text)-word)
	for i := range min(word, len(k.text)) {
		k.head |= uint64(k.text[i]) << (8 * i)
		k.tail |= uint64(k.text[k.behind+i]) << (8 * i)
		k.mask |= 0xff << (8 * i)
	}
	return k
}

// stands says whether it stands at a place of the source.
func (k *key) stands(source []byte, at int) bool {
	if len(k.text) > 2*word || at+2*word > len(source) {
		end := at + len(k.text)
		return end < len(source) && string(source[at:end]) == k.text
	}
	head, tail := binary.LittleEndian.Uint64(source[at:]), binary.LittleEndian.Uint64(source[at+k.behind:])
	return ((head^k.head)|(tail^k.tail))&k.mask == 0
}
