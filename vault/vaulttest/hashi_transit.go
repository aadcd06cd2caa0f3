package vaulttest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hashiKey is a transit key.
type hashiKey struct {
	kind     string
	versions []hashiKeyVersion
}

type hashiKeyVersion struct {
	created time.Time
	signer  crypto.Signer // nil: aead
	aead    cipher.AEAD
}

// grow adds a version, of a new key where there is none; false: there is no such kind.
func (h *Hashi) grow(name, kind string) bool {
	v := hashiKeyVersion{created: h.now()}
	var err error
	switch kind {
	case "ecdsa-p256":
		v.signer, err = ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	case "ecdsa-p384":
		v.signer, err = ecdsa.GenerateKey(elliptic.P384(), crand.Reader)
	case "ecdsa-p521":
		v.signer, err = ecdsa.GenerateKey(elliptic.P521(), crand.Reader)
	case "ed25519":
		_, v.signer, err = ed25519.GenerateKey(crand.Reader)
	case "rsa-2048":
		v.signer, err = rsa.GenerateKey(crand.Reader, 2048)
	case "aes256-gcm96":
		secret := make([]byte, 32)
		_, _ = crand.Read(secret)
		block, _ := aes.NewCipher(secret) // of 32 bytes
		v.aead, err = cipher.NewGCMWithRandomNonce(block)
	default:
		return false
	}
	if h.keys[name] == nil {
		h.keys[name] = &hashiKey{kind: kind}
	}
	h.keys[name].versions = append(h.keys[name].versions, v)
	return err == nil
}

// transit is what stands below a transit mount.
func (h *Hashi) transit(c hashiCall, rest string) hashiReply {
	cut := strings.LastIndexByte(rest, '/')
	what, name := rest[:max(cut, 0)], rest[cut+1:]
	if what == "keys" && c.method != http.MethodGet && h.keys[name] == nil {
		kind := c.word("type")
		if kind == "" {
			kind = "aes256-gcm96"
		}
		if !h.grow(name, kind) {
			return refuse(http.StatusBadRequest, "unknown key type "+kind)
		}
	}
	k := h.keys[name]
	switch {
	case what == "keys" && k == nil:
		return refuse(http.StatusNotFound)
	case what == "keys":
		return k.describe(name)
	case what == "sign" && k == nil:
		return refuse(http.StatusBadRequest, "signing key not found")
	case k == nil:
		return refuse(http.StatusBadRequest, "encryption key not found")
	case what == "sign":
		return k.sign(c)
	case what == "encrypt":
		return k.seal(c.word("plaintext"), false)
	case what == "decrypt":
		return k.open(c.word("ciphertext"))
	case what == "datakey/plaintext":
		b := make([]byte, 32)
		_, _ = crand.Read(b)
		return k.seal(base64.StdEncoding.EncodeToString(b), true)
	}
	return refuse(http.StatusNotFound, "unsupported path")
}

func (k *hashiKey) describe(name string) hashiReply {
	versions := map[string]any{}
	label := map[string]string{"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}[k.kind]
	if label == "" {
		label = k.kind
	}
	for i, v := range k.versions {
		versions[strconv.Itoa(i+1)] = v.created.Unix()
		if v.signer != nil {
			versions[strconv.Itoa(i+1)] = map[string]any{
				"certificate_chain": "", "creation_time": v.created, "hybrid_public_key": "", "name": label, "public_key": v.public(),
			}
		}
	}
	signs, rsaKey := k.versions[0].signer != nil, k.kind == "rsa-2048"
	return hashiReply{mount: "transit", data: map[string]any{
		"allow_plaintext_backup": false, "auto_rotate_period": 0, "deletion_allowed": false, "derived": false, "exportable": false,
		"imported_key": false, "keys": versions, "latest_version": len(k.versions), "min_available_version": 0,
		"min_decryption_version": 1, "min_encryption_version": 0, "name": name, "supports_decryption": !signs || rsaKey,
		"supports_derivation": !signs, "supports_encryption": !signs || rsaKey, "supports_signing": signs, "type": k.kind,
	}}
}

func (v hashiKeyVersion) public() string {
	if key, ok := v.signer.Public().(ed25519.PublicKey); ok {
		return base64.StdEncoding.EncodeToString(key)
	}
	der, _ := x509.MarshalPKIXPublicKey(v.signer.Public()) // of kinds that it knows
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (k *hashiKey) sign(c hashiCall) hashiReply {
	number := len(k.versions)
	if n, ok := c.body["key_version"].(float64); ok && n > 0 && int(n) <= number {
		number = int(n)
	}
	v := k.versions[number-1]
	input, err := base64.StdEncoding.DecodeString(c.word("input"))
	if err != nil || v.signer == nil {
		return refuse(http.StatusBadRequest, "unsupported key type or input")
	}
	hash := map[string]crypto.Hash{
		"sha2-224": crypto.SHA224, "": crypto.SHA256, "sha2-256": crypto.SHA256, "sha2-384": crypto.SHA384, "sha2-512": crypto.SHA512,
	}[c.word("hash_algorithm")]
	var opts crypto.SignerOpts = hash
	if k.kind == "ed25519" {
		opts = crypto.Hash(0)
	}
	if k.kind == "rsa-2048" && c.word("signature_algorithm") != "pkcs1v15" {
		pss := &rsa.PSSOptions{Hash: hash}
		switch length := c.word("salt_length"); length {
		case "", "auto":
		case "hash":
			pss.SaltLength = rsa.PSSSaltLengthEqualsHash
		default:
			pss.SaltLength, _ = strconv.Atoi(length)
		}
		opts = pss
	}
	signature, err := v.signer.Sign(crand.Reader, input, opts)
	if err != nil {
		return refuse(http.StatusBadRequest, "error signing")
	}
	return hashiReply{mount: "transit", data: map[string]any{
		"key_version": number, "signature": fmt.Sprintf("vault:v%d:%s", number, base64.StdEncoding.EncodeToString(signature)),
	}}
}

func (k *hashiKey) seal(plaintext string, both bool) hashiReply {
	b, err := base64.StdEncoding.DecodeString(plaintext)
	newest := k.versions[len(k.versions)-1]
	if err != nil || newest.aead == nil {
		return refuse(http.StatusBadRequest, "unsupported key type or input")
	}
	data := map[string]any{
		"ciphertext":  fmt.Sprintf("vault:v%d:%s", len(k.versions), base64.StdEncoding.EncodeToString(newest.aead.Seal(nil, nil, b, nil))),
		"key_version": len(k.versions),
	}
	if both {
		data["plaintext"] = plaintext
	}
	return hashiReply{data: data, mount: "transit"}
}

func (k *hashiKey) open(ciphertext string) hashiReply {
	var version int
	var text string
	_, _ = fmt.Sscanf(ciphertext, "vault:v%d:%s", &version, &text)
	b, err := base64.StdEncoding.DecodeString(text)
	if err == nil && version > 0 && version <= len(k.versions) && k.versions[version-1].aead != nil {
		if plain, err := k.versions[version-1].aead.Open(nil, nil, b, nil); err == nil {
			return hashiReply{mount: "transit", data: map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}}
		}
	}
	return refuse(http.StatusBadRequest, "invalid ciphertext: unable to decrypt")
}
