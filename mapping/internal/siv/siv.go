// Package siv is AES-SIV (RFC 5297), encryption that always makes the same of the same.
//
//	s := siv.New(key) // 32, 48 or 64 bytes: half for each of its two AES keys
//	defer s.Wipe()
//	dst = s.Seal(dst, text, data)
//	text, ok := s.Open(nil, sealed, data)
//
// # Guarantees
//
// What is sealed are 16 bytes, a MAC of the data and the text, and the text encrypted under them.
// Open yields what was sealed with these data, each of them as long as it was, and nothing else.
//
// # Limits
//
// It shows how long a text is, and which two are equal. What crypto/aes made of a key goes with the
// garbage: Wipe overwrites the rest.
//
// # Errors
//
// There are none: New is nil for what is no key.
//
// # Concurrency
//
// A SIV is one goroutine's.
package siv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// Size is how many bytes stand before what is encrypted.
const Size = aes.BlockSize

type block = [Size]byte

// SIV seals and opens under one key. Its blocks stand here because what an interface takes is on the heap.
type SIV struct {
	mac, ctr    cipher.Block
	whole, part block // of CMAC: what the last block is masked with
	first       block // CMAC of zeros, with which S2V begins
	d, x        block
}

// New takes the two keys, one behind the other; nil: they are none. It keeps no reference to them.
func New(key []byte) *SIV {
	mac, err := aes.NewCipher(key[:len(key)/2])
	if err != nil {
		return nil
	}
	ctr, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil
	}
	s := &SIV{mac: mac, ctr: ctr}
	mac.Encrypt(s.whole[:], s.whole[:])
	double(&s.whole)
	s.part = s.whole
	double(&s.part)
	s.cmac(s.first[:])
	s.first = s.x
	return s
}

// Wipe forgets the key. The SIV must not be used any more.
func (s *SIV) Wipe() { *s = SIV{} }

// Seal appends what is sealed of a text.
func (s *SIV) Seal(dst, text []byte, data ...[]byte) []byte {
	dst = append(append(dst, s.first[:]...), text...)
	sealed := dst[len(dst)-len(text)-Size:]
	s.s2v(sealed[Size:], data)
	copy(sealed, s.x[:])
	s.crypt(sealed[Size:])
	return dst
}

// Open appends the text; false: it was not sealed like that, and nothing is appended.
func (s *SIV) Open(dst, sealed []byte, data ...[]byte) ([]byte, bool) {
	if len(sealed) < Size {
		return dst, false
	}
	all := append(dst, sealed[Size:]...)
	text := all[len(dst):]
	copy(s.x[:], sealed)
	s.crypt(text)
	s.s2v(text, data)
	if subtle.ConstantTimeCompare(s.x[:], sealed[:Size]) != 1 {
		clear(text)
		return dst, false
	}
	return all, true
}

// s2v puts the MAC of data and text into x (2.4). The text is as it was afterwards.
func (s *SIV) s2v(text []byte, data [][]byte) {
	s.d = s.first
	for _, part := range data {
		double(&s.d)
		s.cmac(part)
		subtle.XORBytes(s.d[:], s.d[:], s.x[:])
	}
	if len(text) < Size {
		double(&s.d)
		subtle.XORBytes(s.d[:], s.d[:], text)
		s.d[len(text)] ^= 0x80
		s.cmac(s.d[:])
		return
	}
	end := text[len(text)-Size:]
	subtle.XORBytes(end, end, s.d[:])
	s.cmac(text)
	subtle.XORBytes(end, end, s.d[:])
}

// cmac puts the CMAC of a message into x (RFC 4493).
func (s *SIV) cmac(message []byte) {
	clear(s.x[:])
	for len(message) > Size {
		subtle.XORBytes(s.x[:], s.x[:], message)
		s.mac.Encrypt(s.x[:], s.x[:])
		message = message[Size:]
	}
	mask := &s.whole
	if len(message) < Size {
		mask = &s.part
		s.x[len(message)] ^= 0x80
	}
	subtle.XORBytes(s.x[:], s.x[:], message)
	subtle.XORBytes(s.x[:], s.x[:], mask[:])
	s.mac.Encrypt(s.x[:], s.x[:])
}

// crypt encrypts or decrypts in place, under the MAC in x. Two of its bits are no part of the
// counter (2.5), so that this never runs over.
func (s *SIV) crypt(text []byte) {
	s.d = s.x
	s.d[8] &= 0x7f
	s.d[12] &= 0x7f
	counter := binary.BigEndian.Uint64(s.d[8:])
	for ; len(text) > 0; counter++ {
		binary.BigEndian.PutUint64(s.d[8:], counter)
		s.ctr.Encrypt(s.x[:], s.d[:])
		text = text[subtle.XORBytes(text, text, s.x[:]):]
	}
}

// double multiplies by x in the field of CMAC, without a branch.
func double(b *block) {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	binary.BigEndian.PutUint64(b[:8], high<<1|low>>63)
	binary.BigEndian.PutUint64(b[8:], low<<1^-(high>>63)&0x87)
}
