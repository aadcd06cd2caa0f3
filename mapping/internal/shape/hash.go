package shape

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Hash is hexadecimal SHA-256 of what is the same text for equal declarations.
func Hash(canonical any) string {
	raw, _ := json.Marshal(canonical) // of strings, numbers, lists and maps only
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
