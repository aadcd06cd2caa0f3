package authtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carnet-go/carnet/auth"
)

// rule is one thing that an implementation must do, with the reason.
type rule[T any] struct {
	name, rule string
	check      func(ctx context.Context, subject T) error
}

func run[T any](t *testing.T, rules []rule[T], open func(*testing.T) T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if err := r.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nrule: %s", err, r.rule)
			}
		})
	}
}

// verified is a Verifier with what it must accept.
type verified struct {
	auth.Verifier
	good auth.Presented
}

// RunVerifier checks a Verifier: open returns it with what it must accept.
func RunVerifier(t *testing.T, open func(*testing.T) (auth.Verifier, auth.Presented)) {
	run(t, verifierRules, func(t *testing.T) verified {
		v, p := open(t)
		return verified{v, p}
	})
}

var verifierRules = []rule[verified]{
	{"accepts", "What is good is accepted, with an issuer, a subject and an end in the future.", acceptsGood},
	{"nothing", "Nothing presented is auth.ErrInvalid: an empty secret is never a credential.", refusesNothing},
	{"ended", "A context that has ended ends the call with an error, however good the token.", refusesEnded},
	{"levels", "The assurance level is the policy's to say: a Verifier leaves it 0.", leavesLevel},
	{"repeats", "It is safe for concurrent use, and finds the same identity each time.", repeats},
}

func acceptsGood(ctx context.Context, v verified) error {
	id, err := v.Verify(ctx, v.good)
	if err != nil {
		return err
	}
	if id.Issuer == "" || id.Subject == "" || !id.Expires.After(time.Now()) {
		return errors.New("issuer, subject or expiry is missing")
	}
	if id.Issuer == "local" {
		return errors.New(`the issuer "local" is the service itself`)
	}
	return nil
}

func refusesNothing(ctx context.Context, v verified) error {
	nothing := v.good
	nothing.Secret = auth.Secret{}
	for _, p := range []auth.Presented{{}, nothing} {
		if id, err := v.Verify(ctx, p); !errors.Is(err, auth.ErrInvalid) || id.Subject != "" {
			return fmt.Errorf("Verify = %v", err)
		}
	}
	return nil
}

func refusesEnded(ctx context.Context, v verified) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := v.Verify(ctx, v.good); err == nil {
		return errors.New("accepted under a context that has ended")
	}
	return nil
}

func leavesLevel(ctx context.Context, v verified) error {
	id, err := v.Verify(ctx, v.good)
	if err == nil && id.Assurance.Level != 0 {
		err = errors.New("sets a level")
	}
	return err
}

func repeats(ctx context.Context, v verified) error {
	first, err := v.Verify(ctx, v.good)
	if err != nil {
		return err
	}
	return together(8, func() error {
		id, err := v.Verify(ctx, v.good)
		if err == nil && (id.Issuer != first.Issuer || id.Subject != first.Subject) {
			err = errors.New("another identity for the same token")
		}
		return err
	})
}

// together calls f n times at once.
func together(n int, f func() error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// translated is a Translator with a grant of the system that it is for.
type translated struct {
	auth.Translator
	grant auth.Grant
	fill  func(*auth.Need)
}

// RunTranslator checks a Translator: open returns it with the system it is for. A
// system without operations gets one.
func RunTranslator(t *testing.T, open func(*testing.T) (auth.Translator, auth.System)) {
	RunTranslatorWith(t, nil, open)
}

// RunTranslatorWith checks a Translator that needs more than a grant: fill, which is
// called after open and may be nil, adds the name, the token, the client and the
// connections that a Broker would have added.
func RunTranslatorWith(t *testing.T, fill func(*auth.Need), open func(*testing.T) (auth.Translator, auth.System)) {
	run(t, translatorRules, func(t *testing.T) translated {
		translator, system := open(t)
		if system.Origin == "" {
			system.Origin = "https://" + system.Name + ".invalid"
		}
		if len(system.Operations) == 0 {
			system.Operations = []auth.Operation{{
				Name: system.Name + ".test.read", Method: http.MethodGet, Path: "/", Effect: auth.ReadOnly,
			}}
		}
		gate := Gate(t, Boundary(t, system), auth.Verifiers{auth.SchemeBearer: As(somebody)})
		return translated{translator, Grant(t, gate, system.Operations[0].Name), fill}
	})
}

// need is what a Broker would ask for.
func (s translated) need() auth.Need {
	n := auth.Need{Grant: s.grant}
	if s.fill != nil {
		s.fill(&n)
	}
	return n
}

var somebody = auth.Identity{Issuer: "https://carnet.invalid", Subject: "somebody"}

var translatorRules = []rule[translated]{
	{"yields", "Under a live grant it yields an auth.Applier or an auth.Performer that ends in the future, and not after the grant.", yields},
	{"changes", "Apply changes headers only: method, URL, Host and body stay.", changesHeaders},
	{"single", "Each header that Apply sets has one value, also when it is applied twice.", setsOnce},
	{"no grant", "Without a grant there is no material.", refusesNoGrant},
	{"ended", "A context that has ended ends the call with an error or with material, never with a wait.", translatesEnded},
	{"hides", "Neither the translator nor its material prints what it applies.", hides},
	{"repeats", "It is safe for concurrent use.", translatesTogether},
}

// material is yielded, and given back when ctx ends, which it does with the test.
func (s translated) material(ctx context.Context) (auth.Material, error) {
	made, err := s.Translate(ctx, s.need())
	if closer, ok := made.(interface{ Close(context.Context) error }); ok {
		context.AfterFunc(ctx, func() { _ = closer.Close(context.WithoutCancel(ctx)) })
	}
	return made, err
}

// applier is the material of HTTP; performs says that it is another protocol's.
func applier(ctx context.Context, s translated) (a auth.Applier, performs bool, err error) {
	made, err := s.material(ctx)
	if err != nil {
		return nil, false, err
	}
	switch m := made.(type) {
	case auth.Applier:
		return m, false, nil
	case auth.Performer:
		return nil, true, nil
	}
	return nil, false, errors.New("is neither auth.Applier nor auth.Performer")
}

func yields(ctx context.Context, s translated) error {
	made, err := s.material(ctx)
	if err != nil {
		return err
	}
	if _, _, err := applier(ctx, s); err != nil {
		return err
	}
	if !made.Expires().After(time.Now()) {
		return errors.New("has ended already")
	}
	if made.Expires().After(s.grant.NotAfter()) {
		return errors.New("outlives the grant")
	}
	return nil
}

// apply is a request with the credential; nil: it is not one of HTTP.
func apply(ctx context.Context, s translated, times int) (*http.Request, error) {
	a, performs, err := applier(ctx, s)
	if performs || err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.grant.System().Origin+"/", nil)
	for range times {
		err = errors.Join(err, a.Apply(r))
	}
	return r, err
}

func changesHeaders(ctx context.Context, s translated) error {
	r, err := apply(ctx, s, 1)
	if r == nil || err != nil {
		return err
	}
	plain, _ := http.NewRequest(http.MethodGet, s.grant.System().Origin+"/", nil)
	if r.Method != plain.Method || r.URL.String() != plain.URL.String() || r.Host != plain.Host || r.Body != nil {
		return errors.New("changes more than headers")
	}
	if len(r.Header) == 0 {
		return errors.New("applies nothing")
	}
	return nil
}

func setsOnce(ctx context.Context, s translated) error {
	r, err := apply(ctx, s, 2)
	if r == nil || err != nil {
		return err
	}
	for _, values := range r.Header {
		if len(values) != 1 {
			return errors.New("a header has several values")
		}
	}
	return nil
}

func refusesNoGrant(ctx context.Context, s translated) error {
	for _, n := range []auth.Need{{}, s.need()} {
		n.Grant = auth.Grant{}
		if made, err := s.Translate(ctx, n); err == nil || made != nil {
			return fmt.Errorf("yields material: %v", err)
		}
	}
	return nil
}

func translatesEnded(ctx context.Context, s translated) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = s.material(ctx)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("waits on")
	}
}

func hides(ctx context.Context, s translated) error {
	made, err := s.material(ctx)
	if err != nil {
		return err
	}
	a, ok := made.(auth.Applier)
	if !ok {
		return nil
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.grant.System().Origin+"/", nil)
	if err := a.Apply(r); err != nil {
		return err
	}
	printed := fmt.Sprintf("%v %+v %#v %v %+v %#v", s.Translator, s.Translator, s.Translator, a, a, a)
	for _, values := range r.Header {
		words := strings.Fields(values[0])
		if last := words[len(words)-1]; len(last) > 3 && strings.Contains(printed, last) {
			return errors.New("prints what it applies")
		}
	}
	return nil
}

func translatesTogether(ctx context.Context, s translated) error {
	return together(8, func() error {
		_, err := s.material(ctx)
		return err
	})
}
