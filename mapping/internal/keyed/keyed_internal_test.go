package keyed

import (
	"bytes"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/mapping/internal/siv"
)

// TestWipe: of a key that was used nothing is left, nor of what it was used for, also where that
// took more room than the value before.
func TestWipe(t *testing.T) {
	k, domain := New("1", bytes.Repeat([]byte{7}, 32)), Domain("k", "s", "/p")
	small := k.message
	token, ok := Read(string(k.Seal(nil, domain, []byte("1017"))))
	if value, opened := k.Open(token, domain); !ok || !opened || value != "1017" {
		t.Fatal(value, opened)
	}
	k.Hash(nil, domain, []byte(strings.Repeat("long", 1000)))
	k.Seal(nil, domain, []byte(strings.Repeat("longer", 1000)))
	large, cipher := k.message, k.siv
	k.Wipe()
	for name, held := range map[string][]byte{"small": small[:cap(small)], "large": large[:cap(large)]} {
		if len(held) < 100 || !bytes.Equal(held, make([]byte, len(held))) {
			t.Errorf("%s: a value is left", name)
		}
	}
	if k.secret != nil || k.hash != nil || k.siv != nil || *cipher != (siv.SIV{}) {
		t.Error("a key is left")
	}
}

// TestNothingIsAllocated but for the first token of either kind.
func TestNothingIsAllocated(t *testing.T) {
	k, domain := New("1", bytes.Repeat([]byte{7}, 32)), Domain("k", "s", "/p")
	value, dst := []byte("DE89370400440532013000"), make([]byte, 0, 500)
	if n := testing.AllocsPerRun(100, func() { dst = k.Seal(k.Hash(dst[:0], domain, value), domain, value) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPadding: a value has one token, so whoever has the key cannot write it in a second way either.
func TestPadding(t *testing.T) {
	k, domain := New("1", bytes.Repeat([]byte{7}, 32)), Domain("k", "s", "/p")
	for text, want := range map[string]string{
		"1017\x80" + strings.Repeat("\x00", 11): "1017", "fifteen letters\x80": "fifteen letters", "ends so\x00\x00\x80" + strings.Repeat("\x00", 6): "ends so\x00\x00", "ends so\x80\x80" + strings.Repeat("\x00", 7): "ends so\x80",
		"1017\x80" + strings.Repeat("\x00", 27): "", "\x80" + strings.Repeat("\x00", 15): "", strings.Repeat("\x00", 16): "", "sixteen letters!": "", "sixteen letters!" + "\x80" + strings.Repeat("\x00", 15): "sixteen letters!", "sixteen letters!" + strings.Repeat("\x00", 16): "",
	} {
		k.bound(domain, 0)
		sum := k.sealer().Seal(nil, []byte(text), k.message)
		value, ok := k.Open(Token{Version: "1", Sealed: true, sum: sum}, domain)
		if value != want || ok != (want != "") {
			t.Errorf("%q opens as %q, %v", text, value, ok)
		}
		if again, _ := Read(string(k.Seal(nil, domain, []byte(want)))); ok && !bytes.Equal(again.sum, sum) {
			t.Errorf("%q is written in two ways", want)
		}
	}
}
