package seal_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/carnet-go/carnet/failsafe/internal/seal"
)

func sealer(t *testing.T, key, tenant string) *seal.Sealer {
	t.Helper()
	s, err := seal.New([]byte(strings.Repeat(key, 32)), tenant)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// of is what seals a run's frames.
func of(t *testing.T, s *seal.Sealer, run string) *seal.Frames {
	t.Helper()
	f, err := s.Of(run)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSealedForOnePlace: what was sealed elsewhere does not open here.
func TestSealedForOnePlace(t *testing.T) {
	s, place, plain := sealer(t, "k", "acme"), seal.Place{Run: "hire-1", Sequence: 3, Before: [32]byte{7}, Answer: true}, []byte("secret state")
	frames := of(t, s, place.Run)
	sealed := frames.Seal(place, plain)
	if bytes.Contains(sealed, []byte("secret")) {
		t.Fatal("in the clear")
	}
	if got, err := frames.Open(place, sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatal(err)
	}
	if bytes.Equal(frames.Seal(place, plain), sealed) {
		t.Error("the same twice")
	}
	elsewhere := func(change func(*seal.Place)) seal.Place {
		p := place
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		s *seal.Sealer
		p seal.Place
	}{
		"another key":     {sealer(t, "x", "acme"), place},
		"another tenant":  {sealer(t, "k", "acm"), place},
		"tenant and run":  {sealer(t, "k", "acmeh"), elsewhere(func(p *seal.Place) { p.Run = "ire-1" })},
		"another run":     {s, elsewhere(func(p *seal.Place) { p.Run = "hire-2" })},
		"no run":          {s, elsewhere(func(p *seal.Place) { p.Run = "" })},
		"another number":  {s, elsewhere(func(p *seal.Place) { p.Sequence++ })},
		"another history": {s, elsewhere(func(p *seal.Place) { p.Before[31]++ })},
		"as the last":     {s, elsewhere(func(p *seal.Place) { p.Last = true })},
		"as no answer":    {s, elsewhere(func(p *seal.Place) { p.Answer = false })},
	} {
		if _, err := of(t, c.s, c.p.Run).Open(c.p, sealed); err != seal.ErrForged {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := frames.Open(place, changed); err != seal.ErrForged {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	for _, short := range [][]byte{nil, sealed[:8], sealed[:len(sealed)-1]} {
		if _, err := frames.Open(place, short); err != seal.ErrForged {
			t.Errorf("%d bytes: %v", len(short), err)
		}
	}
	keys := map[string]bool{}
	for _, c := range []struct {
		s         *seal.Sealer
		run, step string
	}{{s, "r", "s"}, {s, "rs", ""}, {s, "r", "t"}, {sealer(t, "k", "other"), "r", "s"}, {sealer(t, "x", "acme"), "r", "s"}} {
		if key := c.s.Key(c.run, c.step); len(key) != 52 || keys[key] || key != c.s.Key(c.run, c.step) {
			t.Errorf("%s of %s, %s", key, c.run, c.step)
		} else {
			keys[key] = true
		}
	}
	if _, err := seal.New([]byte("short"), "acme"); err != seal.ErrKey {
		t.Error(err)
	}
}
