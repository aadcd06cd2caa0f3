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
		ctx, cancel := l.Bound(t.Context())
		defer cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("after its end: %v", err)
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("the bound context: %v", ctx.Err())
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

func TestLeaseClosedEndsItsContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := auth.NewLease("l", map[string]auth.Secret{"key": auth.NewSecret([]byte("k"))}, nil)
		ctx, cancel := l.Bound(t.Context())
		defer cancel()
		if ctx.Err() != nil || !l.Expires().IsZero() {
			t.Fatalf("has ended: %v, %v", ctx.Err(), l.Expires())
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("the bound context: %v", ctx.Err())
		}
		if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("after Close: %v", err)
		}
		after, cancelAfter := l.Bound(t.Context())
		defer cancelAfter()
		if after.Err() == nil {
			t.Error("a closed lease bounds nothing")
		}
	})
}

// TestZeroLease holds that a lease nobody made has no secrets and has ended.
func TestZeroLease(t *testing.T) {
	for name, l := range map[string]*auth.Lease{"nil": nil, "zero": {}} {
		if _, err := l.Secret("key"); !errors.Is(err, auth.ErrExpired) {
			t.Errorf("%s: Secret = %v", name, err)
		}
		ctx, cancel := l.Bound(t.Context())
		defer cancel()
		if l.ID() != "" || !l.Expires().IsZero() || ctx.Err() == nil || l.Close(t.Context()) != nil {
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
	l := auth.NewLease("l", nil, &auth.LeaseOptions{Release: func(context.Context) error { <-hold; return auth.ErrUnknown }})
	first := make(chan error, 1)
	bound, cancel := l.Bound(t.Context())
	defer cancel()
	go func() { first <- l.Close(t.Context()) }()
	<-bound.Done()
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
