package auth_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/carnet-go/carnet/auth"
)

// canary is what must not be found in any output, in any spelling.
const canary = "c4n4ry-5ecret-0f-this-test"

type holder struct {
	Exported   auth.Secret
	unexported auth.Secret
	pointer    *auth.Secret
	any        any
}

// TestSecretChannels prints, logs and marshals a Secret in every position that fmt,
// slog and the encoders treat differently.
func TestSecretChannels(t *testing.T) {
	s := auth.NewSecret([]byte(canary))
	h := holder{s, s, &s, s}
	values := map[string]any{
		"direct": s, "pointer": &s, "struct": h, "struct pointer": &h, "slice": []auth.Secret{s},
		"map": map[string]auth.Secret{"k": s}, "nested": struct{ h any }{h}, "array": [1]auth.Secret{s},
		"lease": auth.NewLease("l", map[string]auth.Secret{"k": s}, nil), "presented": auth.Bearer(canary),
	}
	for name, v := range values {
		for _, out := range outputs(v) {
			if leaks(out) {
				t.Errorf("%s leaks: %q", name, out)
			}
		}
	}
}

// outputs are all texts that v becomes.
func outputs(v any) []string {
	var all []string
	for _, verb := range "vsqxXdcUobtTpeEfFgGw" {
		for _, flag := range []string{"", "+", "#", " ", "10.3"} {
			all = append(all, fmt.Sprintf("%"+flag+string(verb), v))
		}
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	_ = json.NewEncoder(&b).Encode(v)
	_ = xml.NewEncoder(&b).Encode(v)
	_ = gob.NewEncoder(&b).Encode(v)
	_ = template.Must(template.New("t").Parse("{{.}} {{printf `%s` .}}")).Execute(&b, v)
	func() {
		defer func() { fmt.Fprint(&b, recover()) }()
		panic(v)
	}()
	all = append(all, b.String(), fmt.Errorf("%v", v).Error(), fmt.Errorf("wrapped %w", asError{v}).Error())
	return all
}

type asError struct{ v any }

func (e asError) Error() string { return fmt.Sprint(e.v) }

// leaks looks for the canary as text, hex, decimal bytes and escapes.
func leaks(out string) bool {
	hexed := fmt.Sprintf("%x", canary)
	decimal := strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	for _, form := range []string{canary, hexed, strings.ToUpper(hexed), fmt.Sprintf("% x", canary), decimal, strings.ReplaceAll(decimal, " ", ", ")} {
		if strings.Contains(out, form) {
			return true
		}
	}
	return false
}

// TestLeakDetector shows that leaks finds what it is to find.
func TestLeakDetector(t *testing.T) {
	found := 0
	for _, out := range outputs(struct{ b []byte }{[]byte(canary)}) {
		if leaks(out) {
			found++
		}
	}
	if found < 10 {
		t.Errorf("only %d channels leak a plain []byte; the detector misses some", found)
	}
}

func TestSecretUse(t *testing.T) {
	s := auth.NewSecret([]byte(canary))
	got := ""
	if err := s.Use(func(b []byte) error { got = string(b); return nil }); err != nil || got != canary {
		t.Errorf("Use lent %q, %v", got, err)
	}
	own := errors.New("own")
	if err := s.Use(func([]byte) error { return own }); err != own {
		t.Errorf("Use = %v, want fn's error", err)
	}
	if !s.Equal([]byte(canary)) || s.Equal([]byte("other")) || s.Equal(nil) {
		t.Error("Equal is wrong")
	}
}

func TestEmptySecretIsNoCredential(t *testing.T) {
	for name, s := range map[string]auth.Secret{"zero": {}, "nil": auth.NewSecret(nil), "empty": auth.NewSecret([]byte{})} {
		called := false
		err := s.Use(func([]byte) error { called = true; return nil })
		if !errors.Is(err, auth.ErrUndeclared) || called {
			t.Errorf("%s: Use = %v, called %v", name, err, called)
		}
		if s.Equal(nil) || s.Equal([]byte{}) {
			t.Errorf("%s: equals nothing", name)
		}
	}
}

func TestSecretCannotBeStored(t *testing.T) {
	s := auth.NewSecret([]byte(canary))
	if _, err := json.Marshal(holder{Exported: s}); err == nil {
		t.Error("json stored a secret")
	}
	if err := gob.NewEncoder(&bytes.Buffer{}).Encode(struct{ S auth.Secret }{s}); err == nil {
		t.Error("gob stored a secret")
	}
}

func BenchmarkSecretUse(b *testing.B) {
	s := auth.NewSecret([]byte(canary))
	n := 0
	use := func(p []byte) error { n += len(p); return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Use(use)
	}
}
