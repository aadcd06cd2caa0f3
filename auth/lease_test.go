package auth_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
)

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := 0
		l := auth.NewLease("l-1", map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}, &auth.LeaseOptions{
			Expires: time.Now().Add(time.Minute),
			Release: func(context.Context) error { released++; return auth.ErrUnavailable },
		})
		if l.ID() != "l-1" || !l.Expires().Equal(time.Now().Add(time.Minute)) {
			t.Errorf("lease %s until %v", l.ID(), l.Expires())
		}
		if s, err := l.Secret("key"); err != nil || !s.Equal([]byte("k")) {
			t.Errorf("Secret = %v", err)
		}
		if _, err := l.Secret("other"); !errors.Is(err, auth.ErrUndeclared) {
			t.Errorf("a missing field is %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("after its end: %v", err)
		}
		for range 2 {
			if err := l.Close(t.Context()); !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("Close = %v", err)
			}
		}
		if released != 1 {
			t.Errorf("released %d times", released)
		}
	})
}

func TestClosedLeaseLendsNothing(t *testing.T) {
	l := auth.NewLease("l", map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}, nil)
	if _, err := l.Secret("key"); err != nil || !l.Expires().IsZero() {
		t.Fatalf("has ended: %v, %v", err, l.Expires())
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
		t.Errorf("after Close: %v", err)
	}
}

// TestZeroLease holds that a lease nobody made has no secrets and has ended.
func TestZeroLease(t *testing.T) {
	for name, l := range map[string]*auth.Lease{"nil": nil, "zero": {}} {
		if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("%s: Secret = %v", name, err)
		}
		if l.ID() != "" || !l.Expires().IsZero() || l.Close(t.Context()) != nil {
			t.Errorf("%s lease is alive", name)
		}
	}
}

func TestConstantWantsAGrant(t *testing.T) {
	_, err := auth.Constant(map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}).Lease(t.Context(), auth.Grant{})
	if !errors.Is(err, auth.ErrForeign) {
		t.Errorf("Lease without a grant = %v", err)
	}
}

// TestSecondCloseEndsWithItsContext, however long the first one takes.
func TestSecondCloseEndsWithItsContext(t *testing.T) {
	hold := make(chan struct{})
	begun := make(chan struct{})
	l := auth.NewLease("l", nil, &auth.LeaseOptions{Release: func(context.Context) error { close(begun); <-hold; return auth.ErrUnknown }})
	first := make(chan error, 1)
	go func() { first <- l.Close(t.Context()) }()
	<-begun
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a second Close: %v", err)
	}
	close(hold)
	if err := <-first; !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("the first Close: %v", err)
	}
	if err := l.Close(t.Context()); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("a third Close: %v", err)
	}
}
