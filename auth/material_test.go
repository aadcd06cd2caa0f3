package auth

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"
)

type lifelong struct{ expires time.Time }

func (l lifelong) Expires() time.Time                                { return l.expires }
func (lifelong) Credential() string                                  { return "" }
func (lifelong) Apply(*http.Request) error                           { return nil }
func (l lifelong) Translate(context.Context, Need) (Material, error) { return l, nil }

// TestMaterialIsBounded: however many principals come, what is kept is bounded, and
// what ends first makes room.
func TestMaterialIsBounded(t *testing.T) {
	var m materials
	lend := func(who string, life time.Duration) {
		lent, err := m.lend(t.Context(), materialKey{"crm.contact.read", who}, Need{}, lifelong{time.Now().Add(life)})
		if err != nil {
			t.Fatal(err)
		}
		m.back(lent, false)
	}
	lend("first to end", time.Minute)
	for i := range mostMaterial - 1 {
		lend(strconv.Itoa(i), time.Hour)
	}
	if len(m.lent) != mostMaterial {
		t.Fatalf("%d are kept", len(m.lent))
	}
	lend("one more", time.Hour)
	if _, kept := m.lent[materialKey{"crm.contact.read", "first to end"}]; kept || len(m.lent) != mostMaterial {
		t.Errorf("what ends first is kept, among %d", len(m.lent))
	}
	lend("ends soon", 200*time.Millisecond)
	for ends := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		_, kept := m.lent[materialKey{"crm.contact.read", "ends soon"}]
		m.mu.Unlock()
		if !kept {
			break
		}
		if time.Now().After(ends) {
			t.Fatal("what has ended is kept")
		}
	}
	if err := m.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMaterialThatWentMeanwhile is not used: it is dropped between being made and
// being taken.
func TestMaterialThatWentMeanwhile(t *testing.T) {
	var m materials
	kept := &material{Applier: lifelong{}}
	m.drop(kept)
	if m.use(kept) {
		t.Error("used")
	}
}

func BenchmarkLend(b *testing.B) {
	var m materials
	key := materialKey{"crm.contact.read", "alice"}
	var t Translator = lifelong{time.Now().Add(time.Hour)}
	b.ReportAllocs()
	for b.Loop() {
		lent, err := m.lend(b.Context(), key, Need{}, t)
		if err != nil {
			b.Fatal(err)
		}
		m.back(lent, false)
	}
}
