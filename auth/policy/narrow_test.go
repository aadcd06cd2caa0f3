package policy_test

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/policy"
)

// foreign is a decider made of a function.
type foreign struct {
	decide func(context.Context) auth.Decision
	hash   string
}

func (f *foreign) Decide(ctx context.Context, _ auth.Facts) auth.Decision { return f.decide(ctx) }
func (f *foreign) Hash() string                                           { return f.hash }

func says(d auth.Decision) auth.Decider {
	return &foreign{decide: func(context.Context) auth.Decision { return d }}
}

type broken struct{ auth.Decider }

func (broken) Hash() string { panic("no hash") }

func TestNarrow(t *testing.T) {
	yes := says(auth.Decision{Verdict: auth.Allowed, Rule: "yes", Level: 9})
	identity := []auth.Obligation{{Kind: auth.NeedIdentity}}
	until := now.Add(time.Hour)
	denied := auth.Decision{Rule: "narrowed", Level: 2}
	for _, test := range []struct {
		name   string
		others []auth.Decider
		want   auth.Decision
	}{
		{"nobody", nil, auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", Level: 2, NotAfter: until}},
		{"allowed", []auth.Decider{yes, yes}, auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", Level: 2, NotAfter: until}},
		{"allowed for less", []auth.Decider{says(auth.Decision{Verdict: auth.Allowed, NotAfter: now.Add(1)}), says(auth.Decision{Verdict: auth.Allowed, NotAfter: until.Add(1)})},
			auth.Decision{Verdict: auth.Allowed, Rule: "alice-reads", RuleAt: "boundary.jsonc:20", Level: 2, NotAfter: now.Add(1)}},
		{"denied", []auth.Decider{yes, says(auth.Decision{Rule: "no-export", RuleAt: "x:1", Level: 9})}, auth.Decision{Rule: "no-export", Level: 2}},
		{"denied with text", []auth.Decider{says(auth.Decision{Rule: "Alice may not"})}, denied},
		{"zero", []auth.Decider{says(auth.Decision{})}, denied},
		{"no verdict", []auth.Decider{says(auth.Decision{Verdict: 7})}, denied},
		{"nil", []auth.Decider{yes, nil}, denied},
		{"typed nil", []auth.Decider{(*foreign)(nil)}, denied},
		{"no hash", []auth.Decider{broken{yes}}, denied},
		{"needs", []auth.Decider{says(auth.Decision{Verdict: auth.Needs, Rule: "who", Needs: identity}), says(auth.Decision{Verdict: auth.Needs, Rule: "again", Needs: identity})},
			auth.Decision{Verdict: auth.Needs, Rule: "who", Needs: append(identity, identity...), Level: 2, NotAfter: until}},
		{"needs, then denied", []auth.Decider{says(auth.Decision{Verdict: auth.Needs, Needs: identity}), says(auth.Decision{})}, denied},
		{"needs nothing", []auth.Decider{says(auth.Decision{Verdict: auth.Needs})}, denied},
		{"needs what nobody knows", []auth.Decider{says(auth.Decision{Verdict: auth.Needs, Needs: []auth.Obligation{{Kind: "a favour"}}})}, denied},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := policy.Narrow(made(t, declaration()), test.others...).Decide(t.Context(), facts())
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestNarrowedPanicDenies(t *testing.T) {
	panics := &foreign{decide: func(context.Context) auth.Decision { panic("secret") }}
	got := policy.Narrow(made(t, declaration()), panics).Decide(t.Context(), facts())
	if want := (auth.Decision{Rule: "narrowed", Level: 2}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestNarrowedTimeoutDenies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		deaf := &foreign{decide: func(context.Context) auth.Decision { <-release; return auth.Decision{Verdict: auth.Allowed} }}
		late := &foreign{decide: func(ctx context.Context) auth.Decision { <-ctx.Done(); return auth.Decision{Verdict: auth.Allowed} }}
		for name, other := range map[string]auth.Decider{"deaf": deaf, "late": late} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			got := policy.Narrow(made(t, declaration()), other).Decide(ctx, facts())
			cancel()
			if got.Verdict != auth.Denied || time.Since(began) != time.Second {
				t.Errorf("%s: %+v after %v", name, got, time.Since(began))
			}
		}
		close(release)
	})
}

// endless is a context that has ended and wakes nobody.
type endless struct {
	context.Context
	over *bool
}

func (endless) Done() <-chan struct{} { return nil }

func (e endless) Err() error {
	if *e.over {
		return context.Canceled
	}
	return nil
}

func TestNarrowedAnswerAfterTheEndDenies(t *testing.T) {
	over := false
	late := &foreign{decide: func(context.Context) auth.Decision { over = true; return auth.Decision{Verdict: auth.Allowed} }}
	got := policy.Narrow(made(t, declaration()), late).Decide(endless{t.Context(), &over}, facts())
	if got.Verdict != auth.Denied || !over {
		t.Errorf("got %+v", got)
	}
}

func TestOthersAreAskedOnlyWhatThePolicyAllows(t *testing.T) {
	asked := 0
	other := &foreign{decide: func(context.Context) auth.Decision { asked++; return auth.Decision{Verdict: auth.Allowed} }}
	allowed := 0
	p := made(t, declaration(policy.Rule{Name: "mfa", Level: 2}))
	n := policy.Narrow(p, other)
	for f := range space {
		want := p.Decide(t.Context(), f)
		if got := n.Decide(t.Context(), f); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if want.Verdict == auth.Allowed {
			allowed++
		}
	}
	if asked != allowed || allowed == 0 {
		t.Errorf("asked %d times, allowed %d times", asked, allowed)
	}
	for name, zero := range map[string]*policy.Policy{"nil": nil, "zero": {}} {
		if got := policy.Narrow(zero, other).Decide(t.Context(), facts()); got.Verdict != auth.Denied {
			t.Errorf("%s policy: %+v", name, got)
		}
	}
}

func TestNarrowHash(t *testing.T) {
	p := made(t, declaration())
	seen := map[string]bool{p.Hash(): true}
	for _, others := range [][]auth.Decider{
		nil, {&foreign{hash: "a"}}, {&foreign{hash: "ab"}}, {&foreign{hash: "a"}, &foreign{hash: "b"}}, {&foreign{hash: "b"}, &foreign{hash: "a"}}, {nil, nil},
	} {
		n := policy.Narrow(p, others...)
		if seen[n.Hash()] {
			t.Errorf("%d deciders have the hash of others", len(others))
		}
		seen[n.Hash()] = true
		if entitler, ok := n.(auth.Entitler); !ok || !reflect.DeepEqual(entitler.Entitlements(), p.Entitlements()) {
			t.Error("entitlements are lost")
		}
	}
}
