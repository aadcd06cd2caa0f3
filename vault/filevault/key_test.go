package filevault_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

func secret(s string) auth.Secret { return auth.NewSecret([]byte(s)) }

// TestForms of an identity, and what only looks like one.
func TestForms(t *testing.T) {
	f := file(t)
	key := text(t, f.Identity)
	for name, form := range map[string]string{
		"line": key, "newline": key + "\n", "Windows": key + "\r\n", "spaces": "  " + key + "\n\n",
		"age-keygen": "# created: 2026-01-31T12:00:00Z\n# public key: age1xyz\n" + key + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			want(t, filevault.File{Path: f.Path, Identity: secret(form)}, "crm/api", "1", "key", canary)
		})
	}
	hybrid, err := age.GenerateHybridIdentity()
	must(t, err)
	i, err := age.ParseX25519Identity(key)
	must(t, err)
	for name, form := range map[string]string{
		"empty": "", "short passphrase": "eleven bytes"[:11], "two lines": "a passphrase of\ntwo lines", "two identities": key + "\n" + key, "NUL": "a passphrase\x00with more",
		"carriage return": "a passphrase\rwith more", "mistyped": key[:len(key)-1] + "x", "lower case": strings.ToLower(key), "cut": key[:20], "public key": i.Recipient().String(),
		"public key in upper case": strings.ToUpper(i.Recipient().String()), "plugin": "AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQ", "mistyped hybrid": hybrid.String()[:70], "comments only": "# created\n# nothing\n",
		"comment of age-keygen": "# public key: " + i.Recipient().String(), "word of age-keygen": "Public key: " + i.Recipient().String(), "variable": "KEY=" + key, "variable of a plugin": "KEY=AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQ", "in quotes": `"` + strings.ToLower(key) + `"`,
		"identity and more": key + "\nand a line", "huge": strings.Repeat("#\n", 9000) + key,
	} {
		t.Run(name, func(t *testing.T) {
			bad := filevault.File{Path: f.Path + "2", Identity: secret(form)}
			if err := bad.Create(t.Context()); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("Create = %v", err)
			}
			bad.Path = f.Path
			if err := bad.Check(); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("Check = %v", err)
			}
			if err := f.Rekey(t.Context(), bad.Identity); !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("Rekey = %v", err)
			}
		})
	}
	must(t, f.Rekey(t.Context(), secret(hybrid.String())))
	want(t, filevault.File{Path: f.Path, Identity: secret(hybrid.String())}, "crm/api", "1", "key", canary)
}

func TestWrongIdentity(t *testing.T) {
	f := file(t)
	for name, key := range map[string]auth.Secret{"another": identity(t), "passphrase": secret("a long passphrase")} {
		for call, err := range calls(t, filevault.File{Path: f.Path, Identity: key}) {
			if call == "Create" {
				continue // it is there already
			}
			if !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s with %s: %v", call, name, err)
			}
		}
	}
	want(t, f, "crm/api", "1", "key", canary)
}

func TestRekey(t *testing.T) {
	f := file(t)
	to := identity(t)
	must(t, f.Rekey(t.Context(), to))
	if err := f.Check(); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("the old identity: %v", err)
	}
	f.Identity = to
	want(t, f, "crm/api", "1", "key", canary)
	must(t, f.Set(t.Context(), "crm/api", fields("key", "new")))
	want(t, f, "crm/api", "2", "key", "new")
}

// TestRekeyToTheSame, in whatever form it comes, is no success that changes nothing.
func TestRekeyToTheSame(t *testing.T) {
	f := file(t)
	key := text(t, f.Identity)
	before, err := os.ReadFile(f.Path)
	must(t, err)
	if err := f.Rekey(t.Context(), secret("# created: 2026-01-31T12:00:00Z\n"+key+"\r\n")); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "the old one") {
		t.Errorf("Rekey = %v", err)
	}
	if after, _ := os.ReadFile(f.Path); !bytes.Equal(before, after) {
		t.Error("changed")
	}
	if err := (filevault.File{Path: f.Path, Identity: identity(t)}).Rekey(t.Context(), f.Identity); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("Rekey by somebody else = %v", err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	must(t, err)
	other, err := age.GenerateHybridIdentity()
	must(t, err)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{key, key + "\n", true}, {key, text(t, identity(t)), false}, {hybrid.String(), hybrid.String() + "\n", true}, {hybrid.String(), other.String(), false},
		{"a long passphrase", "a long passphrase\r\n", true}, {"a long passphrase", "a long passphrase ", false}, {key, "a long passphrase", false},
	} {
		if got := filevault.Same(secret(c.a), secret(c.b)); got != c.same {
			t.Errorf("keys of %d and %d bytes: same %v", len(c.a), len(c.b), got)
		}
	}
}

// TestPassphrase from Rekey over a change, and what does not open it.
func TestPassphrase(t *testing.T) {
	f := file(t)
	must(t, f.Rekey(t.Context(), secret("grüße aus der schweiz\n")))
	sealed, err := os.ReadFile(f.Path)
	must(t, err)
	if !bytes.Contains(sealed, []byte(" 18\n")) {
		t.Error("another work factor")
	}
	if err := f.Check(); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("the identity of before: %v", err)
	}
	f.Identity = secret("grüße aus der schweiy")
	if err := f.Check(); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	f.Identity = secret("grüße aus der schweiz")
	want(t, f, "crm/api", "1", "key", canary)
}

// TestWorkIsBounded: a file that asks for hours of work is refused at once.
func TestWorkIsBounded(t *testing.T) {
	f := file(t)
	r, err := age.NewScryptRecipient("a long passphrase")
	must(t, err)
	r.SetWorkFactor(10)
	sealed := seal(t, `{"format":"carnet-vault/1","last":0,"paths":{}}`+"\n", r)
	f.Identity = secret("a long passphrase")
	for factor, wantErr := range map[string]error{"10": nil, "19": auth.ErrInvalid, "22": auth.ErrInvalid, "30": auth.ErrInvalid, "63": auth.ErrInvalid, "018": auth.ErrInvalid} {
		must(t, os.WriteFile(f.Path, bytes.Replace(sealed, []byte(" 10\n"), []byte(" "+factor+"\n"), 1), 0o600))
		began := time.Now()
		if err := f.Check(); !errors.Is(err, wantErr) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", factor, err, time.Since(began))
		}
	}
}

// TestLeavesWork that is not done: the caller does not wait, and what comes is wiped.
func TestLeavesWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := []byte(canary)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		b, err := filevault.Await(ctx, func() ([]byte, error) {
			time.Sleep(time.Minute)
			return late, nil
		})
		if b != nil || !errors.Is(err, auth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%q, %v after %v", b, err, time.Since(began))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !bytes.Equal(late, make([]byte, len(canary))) {
			t.Error("not wiped")
		}
	})
}

// TestSealedIsWiped: the plain text of what is written does not stay, neither where the
// caller left before it began, nor where they left meanwhile.
func TestSealedIsWiped(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx     context.Context
		wantErr error
	}{"sealed": {t.Context(), nil}, "left before": {ended, auth.ErrUnavailable}} {
		plain := []byte(two)
		sealed, err := filevault.Seal(c.ctx, identity(t), plain)
		if !errors.Is(err, c.wantErr) || (sealed == nil) != (err != nil) {
			t.Errorf("%s: %d bytes, %v", name, len(sealed), err)
		}
		if !bytes.Equal(plain, make([]byte, len(two))) {
			t.Errorf("%s: plain text is left", name)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		plain := []byte(two)
		go cancel() // scrypt takes longer
		if _, err := filevault.Seal(ctx, secret("a long passphrase"), plain); !errors.Is(err, context.Canceled) {
			t.Errorf("left meanwhile: %v", err)
		}
		synctest.Wait()
		if !bytes.Equal(plain, make([]byte, len(two))) {
			t.Error("left meanwhile: plain text is left")
		}
	})
}
