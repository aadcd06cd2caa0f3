package key

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// Fingerprint is 64 hex digits. It keeps nothing of b, which may be a secret.
func (k *Key) Fingerprint(b []byte) string {
	d := k.bytes.get()
	defer k.bytes.put(d)
	d.mac.Write(b)
	text := hex.EncodeToString(d.sum())
	d.mac.Write(zeros[:]) // over the block of b that the hash has kept, and over the copy
	d.sum()               // that Sum has made of that on the stack, from the same depth
	return text
}

// Seal is 64 hex digits over a text for one purpose: nobody without the key can say it.
func (k *Key) Seal(purpose, text string) string {
	sum := k.seals.Sum(purpose, text)
	return hex.EncodeToString(sum[:])
}

// Keyed makes HMAC-SHA-256 digests under one key, from many goroutines.
type Keyed struct {
	key  []byte
	pool sync.Pool
}

// NewKeyed takes a key that is used for nothing else.
func NewKeyed(key []byte) *Keyed { return &Keyed{key: key} }

// Sum digests the lengths and bytes of two texts.
func (k *Keyed) Sum(one, two string) [sha256.Size]byte {
	d := k.get()
	defer k.put(d)
	d.write(one)
	d.write(two)
	return [sha256.Size]byte(d.sum())
}

// Bytes digests what has one length.
func (k *Keyed) Bytes(b []byte) [sha256.Size]byte {
	d := k.get()
	defer k.put(d)
	d.mac.Write(b)
	return [sha256.Size]byte(d.sum())
}

type digest struct {
	mac hash.Hash
	len [8]byte
	out [sha256.Size]byte
	buf []byte
}

func (k *Keyed) get() *digest {
	if d, ok := k.pool.Get().(*digest); ok {
		d.mac.Reset()
		return d
	}
	return &digest{mac: hmac.New(sha256.New, k.key)}
}

func (k *Keyed) put(d *digest) { k.pool.Put(d) }

var zeros [sha256.BlockSize]byte

// write adds a string and before it its length, so that no two lists look the same.
func (d *digest) write(s string) {
	binary.BigEndian.PutUint64(d.len[:], uint64(len(s)))
	d.mac.Write(d.len[:])
	d.buf = append(d.buf[:0], s...)
	d.mac.Write(d.buf)
}

func (d *digest) sum() []byte { return d.mac.Sum(d.out[:0]) }

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
