package filevault_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/vault/filevault"
)

// sshFile is one that ssh-keygen has made, for these tests alone.
func sshFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "ssh", name))
	must(t, err)
	return string(b)
}

// TestSSHForms: whichever way a key was written and copied, it is the same key, also for age.
func TestSSHForms(t *testing.T) {
	for _, kind := range [][]string{{"ed25519"}, {"rsa", "rsa.pkcs1", "rsa.pkcs8"}} {
		key := sshFile(t, kind[0])
		r, err := agessh.ParseRecipient(sshFile(t, kind[0]+".pub"))
		must(t, err)
		f := filevault.File{Path: filepath.Join(t.TempDir(), "secrets.age"), Identity: secret(key)}
		must(t, os.WriteFile(f.Path, seal(t, `{"format":"carnet-vault/1","last":0,"paths":{}}`+"\n", r), 0o600))
		must(t, f.Set(t.Context(), "crm/api", fields("key", canary)))
		forms := map[string]string{
			"without an end": strings.TrimSuffix(key, "\n"), "spaces around": "\n  " + key + "\n\n", "Windows": strings.ReplaceAll(key, "\n", "\r\n"),
		}
		for _, name := range kind {
			forms[name] = sshFile(t, name)
		}
		for name, form := range forms {
			want(t, filevault.File{Path: f.Path, Identity: secret(form)}, "crm/api", "1", "key", canary)
			if !filevault.Same(f.Identity, secret(form)) {
				t.Errorf("%s, %s: another key", kind[0], name)
			}
			if err := f.Rekey(t.Context(), secret(form)); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "the old one") {
				t.Errorf("%s, Rekey to %s = %v", kind[0], name, err)
			}
		}
		i, err := agessh.ParseIdentity([]byte(key))
		must(t, err)
		sealed, err := os.ReadFile(f.Path)
		must(t, err)
		if _, err := age.Decrypt(bytes.NewReader(sealed), i); err != nil {
			t.Errorf("%s: age does not open it: %v", kind[0], err)
		}
	}
	if filevault.Same(secret(sshFile(t, "ed25519")), secret(sshFile(t, "rsa"))) {
		t.Error("two keys are one")
	}
}

// TestLockedSSHKey says what to do, and asks for nothing.
func TestLockedSSHKey(t *testing.T) {
	f := file(t)
	for _, name := range []string{"ed25519.locked", "rsa.pkcs1.locked", "rsa.pkcs8.locked"} {
		err := f.Rekey(t.Context(), secret(sshFile(t, name)))
		if !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "ssh-keygen -p") {
			t.Errorf("%s: %v", name, err)
		}
	}
	want(t, f, "crm/api", "1", "key", canary)
}

// edited is a key in PEM, with its bytes changed.
func edited(t testing.TB, text string, edit func(b []byte)) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	edit(block.Bytes)
	return string(pem.EncodeToMemory(block))
}

// halves is a key of which the public half is another one's. The form has the public half
// three times, and after the private one last.
func halves(t testing.TB, text string) string {
	return edited(t, text, func(b []byte) {
		public := b[len("openssh-key-v1\x00")+47:][:32]
		b[bytes.LastIndex(b, public)+1] ^= 1
	})
}

// badSSH are what is no key that opens a file, and no passphrase either.
func badSSH(t testing.TB) map[string]string {
	t.Helper()
	key, rsa := sshFile(t, "ed25519"), sshFile(t, "rsa")
	flat := strings.ReplaceAll(key, "\n", " ")
	lines := strings.Split(key, "\n")
	blob := strings.Fields(sshFile(t, "ed25519.pub"))[1]
	return map[string]string{
		"ECDSA": sshFile(t, "ecdsa"), "RSA of 1024 bits": sshFile(t, "rsa1024"), "halves of two keys": halves(t, key),
		"public key": sshFile(t, "ed25519.pub"), "public RSA key": sshFile(t, "rsa.pub"), "public ECDSA key": sshFile(t, "ecdsa.pub"), "public key in upper case": strings.ToUpper(sshFile(t, "ed25519.pub")),
		"security key": "sk-ssh-ed25519@openssh.com AAAA", "ECDSA security key": "sk-ecdsa-sha2-nistp256@openssh.com AAAA", "ECDSA key": "ecdsa-sha2-nistp256 AAAA", "certificate": "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1", "spaces before": "  ssh-ed25519 AAAA",
		"authorized key": `from="192.0.2.1" ` + sshFile(t, "rsa.pub"), "known host": "host.example.com " + sshFile(t, "ed25519.pub"), "body of a public key": blob,
		"body of a public ECDSA key": strings.Fields(sshFile(t, "ecdsa.pub"))[1], "body of a security key": "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t", "body of an ECDSA security key": "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20=",
		"on one line": flat, "escaped": strings.ReplaceAll(key, "\n", `\n`), "lower case": strings.ToLower(flat), "first line": lines[0], "second line": lines[1], "last line": lines[len(lines)-2],
		"dash lost": flat[1:], "end of one line": flat[len(flat)-60:], "end cut": "-----END OPENSSH", "beginning cut": "ENSSH PRIVATE KEY-----", "beginning of a public key cut": "ENSSH PUBLIC KEY-----", "mistyped header": strings.Replace(flat, "BEGIN", "BEGN", 1), "header alone": "-----BEGIN OPENSSH", "header in lower case": "-----begin openssh", "four dashes": "----BEGIN OPENSSH PRIV",
		"cut": key[:len(key)/2], "line lost": strings.Join(append(lines[:2:2], lines[3:]...), "\n"), "RSA bit flipped": edited(t, rsa, func(b []byte) { b[len(b)/2] ^= 1 }),
		"two keys": key + rsa, "key after a damaged one": "-----BEGIN OPENSSH PRIVATE KEY-----\n?\n" + key, "more after it": key + "and a line", "a line before it": "a line\n" + key,
		"public key in PEM": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n", "another block": "-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n",
	}
}

func TestNoSSHKey(t *testing.T) {
	f := file(t)
	for name, form := range badSSH(t) {
		if err := f.Rekey(t.Context(), secret(form)); !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), "private half of an SSH key") {
			t.Errorf("%s: %v", name, err)
		}
		if filevault.IsPassphrase([]byte(form)) {
			t.Errorf("%s is a passphrase", name)
		}
	}
	want(t, f, "crm/api", "1", "key", canary)
	public, private := text(t, identity(t)), strings.ToLower(text(t, identity(t)))
	if i, err := age.ParseX25519Identity(public); err == nil {
		public = i.Recipient().String()
	}
	for _, like := range []string{
		"\xef\xbb\xbf" + public, `"` + public + `"`, "'" + public + "'", "-r " + public, "AGE_RECIPIENT=" + public, "recipient: " + public, "# public key:" + public,
		private[1:], strings.ReplaceAll(private, "-", "_"), "SHA256:0000000000000000000000000000000000000000000", "---- BEGIN SSH2 PUBLIC KEY ----",
		"MIIEpAIBAAKCAQEA0000000000000000000000", "MC4CAQAwBQYDK2VwBCIEIA0000000000", "MHcCAQEEIA0000000000000000",
	} {
		if filevault.IsPassphrase([]byte(like)) {
			t.Errorf("%.20q… is a passphrase", like)
		}
	}
	for _, passphrase := range []string{"a long passphrase", "we use ssh and age-old keys", "-- begin, and end --", "public keys are no keys"} {
		if !filevault.IsPassphrase([]byte(passphrase)) {
			t.Errorf("%q is no passphrase", passphrase)
		}
	}
}

// TestEveryByteOfAnSSHKeyCounts: whichever is flipped, it is the same key or none.
func TestEveryByteOfAnSSHKeyCounts(t *testing.T) {
	good := sshFile(t, "ed25519")
	block, _ := pem.Decode([]byte(good))
	same := 0
	for i := range block.Bytes {
		bad := secret(edited(t, good, func(b []byte) { b[i] ^= 1 }))
		switch read := filevault.Same(bad, bad); {
		case read && filevault.Same(bad, secret(good)):
			same++
		case read:
			t.Errorf("byte %d makes another key", i)
		}
	}
	if same != 51+32+15 { // the public half in front and once more, which nobody reads, and the comment
		t.Errorf("%d bytes do not count", same)
	}
}

// FuzzKey: nothing makes it panic, and what begins like a key is never a passphrase.
func FuzzKey(f *testing.F) {
	for _, name := range []string{"ed25519", "ed25519.pub", "ed25519.locked", "rsa", "rsa.pub", "rsa.pkcs1", "rsa.pkcs1.locked", "rsa.pkcs8", "rsa.pkcs8.locked", "rsa1024", "ecdsa"} {
		f.Add([]byte(sshFile(f, name)))
	}
	for _, form := range badSSH(f) {
		f.Add([]byte(form))
	}
	f.Add([]byte(text(f, identity(f))))
	f.Add([]byte("a long passphrase"))
	f.Fuzz(func(t *testing.T, form []byte) {
		before := bytes.Clone(form)
		passphrase := filevault.IsPassphrase(form)
		if !bytes.Equal(before, form) {
			t.Error("changed while it was read")
		}
		for _, begin := range []string{"ssh-", "age1", "age-", "-----begin"} {
			if passphrase && strings.HasPrefix(strings.ToLower(string(bytes.TrimSpace(form))), begin) {
				t.Errorf("%q is a passphrase", form)
			}
		}
		if same := filevault.Same(auth.NewSecret(bytes.Clone(form)), auth.NewSecret(bytes.Clone(form))); passphrase && !same && len(form) <= 16<<10 {
			t.Errorf("%q is not itself", form)
		}
	})
}
