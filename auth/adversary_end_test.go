package auth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carnet-go/carnet/audit"
	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/mapping"
)

// TestCloseUnderLoadDoesNotCrash: a WaitGroup that is waited for must not be added to.
func TestCloseUnderLoadDoesNotCrash(t *testing.T) {
	f := farSide(t, ok)
	g := gate(t, decider(allow), f.system)
	for range 20000 {
		b, _ := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
		var wg sync.WaitGroup
		var stop atomic.Bool
		for range 3 {
			wg.Go(func() {
				for !stop.Load() {
					_, _ = b.Do(context.Background(), auth.Grant{}, mapping.Document{})
				}
			})
		}
		_ = b.Close(context.Background())
		stop.Store(true)
		wg.Wait()
	}
}

func TestEndOfGrantIsExpired(t *testing.T) {
	hold := make(chan struct{})
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) { <-hold })
	defer close(hold)
	f.system.Ceiling = 300 * time.Millisecond
	g, b := rawBroker(t, f, &key{})
	_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.read"), mapping.Document{})
	if errors.Is(err, context.DeadlineExceeded) && t.Context().Err() == nil {
		t.Errorf("the grant ended, and the caller is told that his context did: %v", err)
	}
}

func TestAbandonedPrivilegedMaterialIsGivenBack(t *testing.T) {
	f := farSide(t, ok)
	k := &key{wait: make(chan struct{}), life: 200 * time.Millisecond}
	g, b := rawBroker(t, f, k)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	grant := authorize(t, g, "crm.contact.reset")
	go func() { _, _ = b.Do(ctx, grant, mapping.Document{}); close(done) }()
	for made := 0; made == 0; made, _ = k.counts() {
		time.Sleep(time.Millisecond)
	}
	leave()
	<-done
	close(k.wait)
	time.Sleep(600 * time.Millisecond)
	if made, closed := k.counts(); closed != made {
		t.Errorf("a privileged credential that nobody can use, and that has ended, is kept: made %d, closed %d", made, closed)
	}
	closes(t, b)
}

func TestExpiredMaterialIsGivenBack(t *testing.T) {
	f := farSide(t, ok)
	k := &key{life: 100 * time.Millisecond}
	g, b := rawBroker(t, f, k)
	_, _ = b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{})
	time.Sleep(500 * time.Millisecond)
	if made, closed := k.counts(); closed != made {
		t.Errorf("material that has ended is kept: made %d, closed %d", made, closed)
	}
	closes(t, b)
}

// made is neither an Applier nor good: it is given back all the same.
type noApplier struct{ closed *atomic.Int32 }

func (noApplier) Expires() time.Time { return time.Now().Add(time.Hour) }
func (noApplier) Credential() string { return "l" }
func (n noApplier) Close(context.Context) error {
	n.closed.Add(1)
	return nil
}

func TestRefusedMaterialIsGivenBack(t *testing.T) {
	f := farSide(t, ok)
	var closed atomic.Int32
	g, b := rawBroker(t, f, translator(func(context.Context, auth.Need) (auth.Material, error) { return noApplier{&closed}, nil }))
	_, err := b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{})
	closes(t, b)
	if closed.Load() != 1 {
		t.Errorf("material that is no Applier is kept: %v", err)
	}
	k := &key{life: -time.Second}
	g, b = rawBroker(t, f, k)
	_, err = b.Do(t.Context(), authorize(t, g, "crm.contact.touch"), mapping.Document{})
	closes(t, b)
	if made, closed := k.counts(); made != closed {
		t.Errorf("material that had ended is kept: %v", err)
	}
}

func TestSetCookieInTrailer(t *testing.T) {
	f := farSide(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Set-Cookie")
		_, _ = w.Write([]byte("x"))
		w.Header().Set("Set-Cookie", "session="+canary)
	})
	g, b := rawBroker(t, f, &key{})
	response, err := b.Client(authorize(t, g, "crm.contact.read")).Get(f.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(response.Body)
	response.Body.Close()
	if response.Trailer.Get("Set-Cookie") != "" {
		t.Error("the far side's session reaches the caller in a trailer")
	}
}

func TestAdmitSelfFailuresAreCounted(t *testing.T) {
	f := farSide(t, ok)
	g, err := auth.NewGate(t.Context(), authtest.Log(t), bounded(t, decider(allow), f.system), auth.Verifiers{auth.SchemeBearer: verifier(
		func(context.Context, auth.Presented) (auth.Identity, error) { return auth.Identity{}, auth.ErrInvalid })},
		&auth.GateOptions{Self: presenter(func(context.Context) (auth.Presented, error) { return auth.Bearer("t"), nil })})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := auth.NewBroker(g, auth.Translators{"crm": &key{}}, nil)
	_, _ = g.AdmitSelf(t.Context())
	closes(t, b)
	if n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Action == "gate.refuse" })); n != 1 {
		t.Errorf("the service's own refused token: %d events", n)
	}
}

// Rule and PermitAt of a decider that is not package policy's.
func TestRuleThatTheLogRefuses(t *testing.T) {
	g := gate(t, decider(func(context.Context, auth.Facts) auth.Decision {
		return auth.Decision{Rule: "subject alice " + canary}
	}), crm())
	_, err := g.Authorize(t.Context(), admit(t, g), "crm.contact.read")
	n := len(events(t, g.Log(), func(e audit.Event) bool { return e.Decision == "denied" }))
	if n != 1 || strings.Contains(err.Error(), canary) {
		t.Errorf("%d denials in the log; the error says %v", n, err)
	}
}

func TestFreezeTwice(t *testing.T) {
	log := authtest.Log(t)
	g, _ := auth.NewGate(t.Context(), log, bounded(t, decider(allow), crm()), nil, nil)
	_ = log.Close(t.Context())
	first, second := g.Freeze(t.Context()), g.Freeze(t.Context())
	if first != nil && second == nil {
		t.Error("the log does not know of the freeze, and the second Freeze says that it does")
	}
}
