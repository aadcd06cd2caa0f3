package key

import (
	"crypto/aes"
	"crypto/cipher"
)

// WrapBytes is by how much a secret that was wrapped is longer.
const WrapBytes = 28

// wrapper is AES-256-GCM with a random nonce in front, under a key that is derived from the
// signer's: how seldom a log wraps something leaves the bound of such nonces far away.
func wrapper(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Wrap seals a secret for one purpose: nobody without the key can read or say it.
func (k *Key) Wrap(purpose string, secret []byte) []byte {
	return k.wraps.Seal(nil, nil, secret, []byte(purpose))
}

// Unwrap is what Wrap sealed; false: it is not of this key and purpose.
func (k *Key) Unwrap(purpose string, sealed []byte) ([]byte, bool) {
	secret, err := k.wraps.Open(nil, nil, sealed, []byte(purpose))
	return secret, err == nil
}
