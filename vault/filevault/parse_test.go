package filevault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

const (
	empty = `{"format":"carnet-vault/1","last":0,"paths":{}}` + "\n"
	one   = `{"format":"carnet-vault/1","last":7,"paths":{"crm/api":{"version":7,"set":"2026-01-31T12:00:00Z","fields":{"key":"azN5"}}}}` + "\n"
	two   = `{"format":"carnet-vault/1","last":7,"paths":{"a":{"version":3,"set":"2026-01-31T12:00:00Z","fields":{"k":"YQ==","n":"YWI="}},` +
		`"crm/api":{"version":7,"set":"2026-01-31T12:00:00Z","fields":{"key":"azN5"}}}}` + "\n"
)

func TestParse(t *testing.T) {
	for _, plain := range []string{empty, one, two} {
		if got, ok := filevault.Reformat([]byte(plain)); !ok || string(got) != plain {
			t.Errorf("%q becomes %q", plain, got)
		}
		if !json.Valid([]byte(plain)) {
			t.Errorf("%q is no JSON", plain)
		}
	}
	want(t, with(t, two), "a", "3", "k", "a", "n", "ab")
	want(t, with(t, two), "crm/api", "7", "key", "k3y")
}

// TestOneForm: any other text of the same, or of something else, is refused.
func TestOneForm(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(one, old) {
			t.Fatalf("%q is not there", old)
		}
		return strings.Replace(one, old, with, 1)
	}
	field := `"key":"azN5"`
	for name, plain := range map[string]string{
		"nothing": "", "no newline": strings.TrimSuffix(one, "\n"), "more": one + " ", "another document": one + one, "space": replace(`:{`, `: {`), "other format": replace("/1", "/2"),
		"unknown member": replace(`"last"`, `"x":1,"last"`), "case": replace(`"last"`, `"Last"`), "order": replace(`"format":"carnet-vault/1","last":7`, `"last":7,"format":"carnet-vault/1"`),
		"null": replace(`"azN5"`, `null`), "number": replace(`"azN5"`, `5`), "escape": replace(`"key"`, `"\u006bey"`), "empty value": replace("azN5", ""), "not base64": replace("azN5", "az!5"),
		"newline in base64": replace("azN5", "azN5\n"), "URL alphabet": replace("azN5", "az-_"), "no padding": replace("azN5", "YQ"), "loose bits": replace("azN5", "YR=="),
		"large value": replace("azN5", strings.Repeat("AAAA", 21846)), "huge value": replace("azN5", strings.Repeat("AAAA", 30000)), "no fields": replace(field, ""),
		"field twice": replace(field, field+","+field), "fields unsorted": replace(field, `"z":"azN5","key":"azN5"`), "field name": replace(`"key"`, `"Key"`), "comma": replace(field, field+","),
		"path": replace(`"crm/api"`, `"crm/../api"`), "long path": replace("crm/api", strings.Repeat("a", 256)), "version 0": replace(`"version":7`, `"version":0`),
		"version not given yet": replace(`"version":7`, `"version":8`), "leading zero": replace(`"last":7`, `"last":07`), "sign": replace(`"last":7`, `"last":-7`),
		"16 digits": replace(`"last":7`, `"last":1000000000000007`), "exponent": replace(`"last":7`, `"last":7e0`), "no version": replace(`"version":7`, `"version":`),
		"time zone": replace("12:00:00Z", "12:00:00+00:00"), "fraction": replace("12:00:00Z", "12:00:00.5Z"), "no time": replace("2026-01-31T12:00:00Z", ""), "no such day": replace("-31T", "-32T"),
		"path twice":     strings.Replace(two, `"a":`, `"crm/api":`, 1),
		"paths unsorted": strings.Replace(two, `"a":`, `"z":`, 1),
		"65 fields":      replace(field, strings.TrimSuffix(manyFields(65), ",")),
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := filevault.Reformat([]byte(plain)); ok {
				t.Error("read")
			}
		})
	}
	for n := range one {
		if _, ok := filevault.Reformat([]byte(one[:n])); ok {
			t.Errorf("cut to %d bytes", n)
		}
	}
	if _, ok := filevault.Reformat([]byte(replace(field, strings.TrimSuffix(manyFields(64), ",")))); !ok {
		t.Error("64 fields are refused")
	}
	if err := with(t, one[1:]).Check(); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("Check = %v", err)
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"` + string(rune('a'+i/26)) + string(rune('a'+i%26)) + `":"azN5",`)
	}
	return b.String()
}

// TestWiped: what was decrypted is overwritten, and the buffer of what is written does
// not grow, which would leave the one before behind.
func TestWiped(t *testing.T) {
	if !filevault.Wiped([]byte(two)) {
		t.Error("plain text is left")
	}
	for _, plain := range []string{empty, one, two, strings.Replace(one, `"key":"azN5"`, strings.TrimSuffix(manyFields(64), ","), 1)} {
		if length, size, guess := filevault.EncodeCap([]byte(plain)); size != guess || length > guess {
			t.Errorf("%d bytes in a buffer of %d that was made with %d", length, size, guess)
		}
	}
}

// FuzzParse: what is read is JSON, and is what would be written.
func FuzzParse(f *testing.F) {
	for _, plain := range []string{empty, one, two, one[:50], strings.ToUpper(one), strings.Repeat("{", 100)} {
		f.Add([]byte(plain))
	}
	f.Fuzz(func(t *testing.T, plain []byte) {
		before := bytes.Clone(plain)
		got, ok := filevault.Reformat(plain)
		if !bytes.Equal(before, plain) {
			t.Error("changed while it was read")
		}
		if ok && (!bytes.Equal(got, plain) || !json.Valid(plain)) {
			t.Errorf("%q is read as %q", plain, got)
		}
	})
}
