package awsvault_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// verify recomputes the signature of a request from what is said about Signature Version 4
// in the IAM User Guide, without the SDK. It is the code of the error, or empty.
func (f *fake) verify(r *http.Request, body []byte) string {
	said, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	parts := map[string]string{}
	for part := range strings.SplitSeq(said, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if !ok || len(scope) != 5 {
		return "MissingAuthenticationTokenException"
	}
	at := r.Header.Get("X-Amz-Date")
	when, err := time.Parse("20060102T150405Z", at)
	if err != nil || time.Since(when).Abs() > 5*time.Minute || !strings.HasPrefix(at, scope[1]) {
		return "InvalidSignatureException"
	}
	f.mu.Lock()
	known, ok := f.keys[scope[0]]
	f.mu.Unlock()
	if !ok || r.Header.Get("X-Amz-Security-Token") != known[1] {
		return "UnrecognizedClientException"
	}
	names := strings.Split(parts["SignedHeaders"], ";")
	need := []string{"content-type", "host", "x-amz-date", "x-amz-target"}
	if known[1] != "" {
		need = append(need, "x-amz-security-token")
	}
	for _, name := range need {
		if !slices.Contains(names, name) {
			return "IncompleteSignature"
		}
	}
	if signature(r, names, body, scope, at, known[0]) != parts["Signature"] || strings.Join(scope[2:], "/") != "eu-central-1/secretsmanager/aws4_request" {
		return "InvalidSignatureException"
	}
	return ""
}

func signature(r *http.Request, names []string, body []byte, scope []string, at, secret string) string {
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n")
	for _, name := range names {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = r.Header.Get("Content-Length")
		}
		canonical.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	canonical.WriteString("\n" + strings.Join(names, ";") + "\n" + hash(body))
	toSign := "AWS4-HMAC-SHA256\n" + at + "\n" + strings.Join(scope[1:], "/") + "\n" + hash([]byte(canonical.String()))
	key := []byte("AWS4" + secret)
	for _, part := range scope[1:] {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, toSign))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestSignatureKey is the example of the documentation: the key that is derived from a
// secret for a day, a region and a service.
func TestSignatureKey(t *testing.T) {
	key := []byte("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
	for _, part := range []string{"20120215", "us-east-1", "iam", "aws4_request"} {
		key = mac(key, part)
	}
	if got := hex.EncodeToString(key); got != "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d" {
		t.Error(got)
	}
}
