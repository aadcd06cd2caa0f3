package oidcauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
)

// long is a token that outlives the test.
func long(t testing.TB, i *authtest.Issuer) string {
	t.Helper()
	return idToken(t, i, claims{"exp": time.Now().Add(100 * time.Hour).Unix()})
}

func down(*http.Request) (*http.Response, error) { return nil, errors.New("down") }

// hangs answers nothing, until its caller has had enough.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// takes is how long f takes by the clock of the bubble.
func takes(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func TestKeysAreFetchedOnce(t *testing.T) {
	issuer, v := setup(t, nil)
	for range 100 {
		expect(t, v, idToken(t, issuer, nil), nil)
	}
	if n := issuer.Fetches(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestUnknownKidFlood(t *testing.T) {
	flood(t, func(i int) string {
		return signer{fmt.Sprint("unknown", i), "ES256", curveKey()}.sign(t, "", good())
	})
}

func TestBadSignatureFlood(t *testing.T) {
	flood(t, func(int) string { return signer{"1", "ES256", curveKey()}.sign(t, "", good()) })
}

// flood sends 10 forgeries a second for 5 minutes: 3,000.
func flood(t *testing.T, forged func(i int) string) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		token := long(t, issuer)
		for i := range 300 {
			var wg sync.WaitGroup
			for j := range 10 {
				wg.Go(func() { expect(t, v, forged(10*i+j), auth.ErrInvalid) })
			}
			wg.Wait()
			expect(t, v, token, nil)
			if most := 1 + i/30; issuer.Fetches() > most {
				t.Fatalf("%d fetches after %d seconds", issuer.Fetches(), i)
			}
			time.Sleep(time.Second)
		}
		if issuer.Fetches() < 10 {
			t.Errorf("%d fetches in 5 minutes: a new key would not be found", issuer.Fetches())
		}
	})
}

func TestNewKeyIsFoundAndWithdrawnKeyStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		old := long(t, issuer)
		if err := issuer.Rotate(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		expect(t, v, long(t, issuer), auth.ErrInvalid) // the keys were fetched a moment ago
		expect(t, v, old, nil)
		time.Sleep(time.Second)
		expect(t, v, long(t, issuer), nil)
		expect(t, v, old, auth.ErrInvalid)
	})
}

func TestWithdrawnKeyStopsWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		old := long(t, issuer)
		if err := issuer.Rotate(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Minute - time.Second)
		expect(t, v, old, nil)
		time.Sleep(time.Second)
		expect(t, v, old, auth.ErrInvalid)
	})
}

func TestBadAnswersKeepTheLastGoodKeys(t *testing.T) {
	for name, bad := range map[string]http.RoundTripper{
		"down":           answers(down),
		"hanging":        answers(hangs),
		"status 500":     body(500, strings.NewReader("")),
		"status 204":     body(204, strings.NewReader("")),
		"redirect":       redirect("https://carnet.invalid/other"),
		"no body":        body(200, strings.NewReader("")),
		"garbage":        body(200, strings.NewReader("<html>")),
		"empty set":      keys(),
		"no set":         body(200, strings.NewReader(`{}`)),
		"set a string":   body(200, strings.NewReader(`{"keys":"none"}`)),
		"two sets":       body(200, strings.NewReader(`{"keys":[],"keys":[]}`)),
		"nothing usable": keys(claims{"kty": "oct", "k": "AAAA", "kid": "1"}),
		"huge":           body(200, io.LimitReader(spaces{}, 1<<30)),
		"endless":        body(200, spaces{}),
		"slow":           answers(slow),
		"body breaks":    body(200, io.MultiReader(strings.NewReader(`{"keys":[`), broken{})),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, v := setup(t, nil)
				token := long(t, issuer)
				issuer.AnswerKeys(bad)
				for range 20 {
					time.Sleep(time.Hour)
					expect(t, v, token, nil)
					synctest.Wait()
				}
				if issuer.Fetches() < 10 {
					t.Errorf("%d fetches in 20 hours", issuer.Fetches())
				}
				issuer.AnswerKeys(nil)
				time.Sleep(time.Minute)
				expect(t, v, token, nil)
			})
		})
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// slow sends a byte each second: each read is quick, and the whole never ends.
func slow(r *http.Request) (*http.Response, error) {
	return body(200, drip{r.Context()})(r)
}

type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func redirect(to string) answers {
	return func(r *http.Request) (*http.Response, error) {
		answer, err := body(307, strings.NewReader(""))(r)
		answer.Header.Set("Location", to)
		return answer, err
	}
}

func TestKeysExpireWithoutAGoodAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		token := long(t, issuer)
		issuer.AnswerKeys(answers(down))
		time.Sleep(24*time.Hour - time.Second)
		expect(t, v, token, nil)
		time.Sleep(time.Second)
		expectText(t, v, token, "oidcauth: the issuer's keys are not known, or too old")
		expect(t, v, token, auth.ErrUnavailable)
		issuer.AnswerKeys(nil)
		time.Sleep(30 * time.Second)
		expect(t, v, token, nil)
	})
}

// An issuer that cannot be asked leaves it open whether a key exists; what a
// known key did not sign is a forgery whatever it answers.
func TestUnknownKeyWhileTheIssuerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		issuer.AnswerKeys(answers(down))
		time.Sleep(time.Minute)
		expect(t, v, signer{"new", "ES256", curveKey()}.sign(t, "", good()), auth.ErrUnavailable)
		expect(t, v, signer{"1", "ES256", curveKey()}.sign(t, "", good()), auth.ErrInvalid)
	})
}

func TestHangingIssuerHoldsNobodyUpTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		token := long(t, issuer)
		issuer.AnswerKeys(answers(hangs))
		time.Sleep(6 * time.Minute)
		if d := takes(func() { expect(t, v, token, nil) }); d > 5*time.Second {
			t.Errorf("the first waited %v", d)
		}
		for range 100 {
			time.Sleep(10 * time.Second)
			if d := takes(func() { expect(t, v, token, nil) }); d != 0 {
				t.Fatalf("a later one waited %v", d)
			}
		}
	})
}

func TestFirstCallerCancelsAndOthersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		if err := issuer.Rotate(); err != nil {
			t.Fatal(err)
		}
		fresh := long(t, issuer)
		real := issuer.Client().Transport
		issuer.AnswerKeys(answers(func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(3 * time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			issuer.AnswerKeys(nil)
			return real.RoundTrip(r)
		}))
		time.Sleep(time.Minute)
		first, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			d := takes(func() {
				if _, err := v.Verify(first, auth.Bearer(fresh)); !errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("the first: %v", err)
				}
			})
			if d != time.Second {
				t.Errorf("the first left after %v", d)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() { expect(t, v, fresh, nil) })
		}
		wg.Wait()
		if n := issuer.Fetches(); n != 3 { // the first, the slow one, and its hand-over
			t.Errorf("%d fetches", n)
		}
	})
}

func TestAnswerAtTheSizeLimit(t *testing.T) {
	s := signer{"k", "ES256", curveKey()}
	set := try(io.ReadAll(try(keys(s.jwk(nil))(nil)).Body))
	pad := func(size int) answers {
		return func(r *http.Request) (*http.Response, error) {
			return body(200, bytes.NewReader(append(bytes.Clone(set), bytes.Repeat([]byte(" "), size-len(set))...)))(r)
		}
	}
	issuer := try(authtest.NewIssuer())
	issuer.AnswerKeys(pad(512 << 10))
	expect(t, open(t, issuer, nil), s.sign(t, "", good()), nil)
	synctest.Test(t, func(t *testing.T) {
		issuer, v := setup(t, nil)
		issuer.AnswerKeys(pad(512<<10 + 1))
		time.Sleep(time.Minute)
		expect(t, v, s.sign(t, "", good()), auth.ErrUnavailable)
	})
}
