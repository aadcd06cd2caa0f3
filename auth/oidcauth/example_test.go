package oidcauth_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/authtest"
	"github.com/carnet-go/carnet/auth/oidcauth"
)

// A verifier of one issuer's tokens. The issuer is a test's; a real one needs
// neither Client nor InsecureTestIssuer.
func Example() {
	issuer, err := authtest.NewIssuer()
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := oidcauth.New(ctx, issuer.URL(), "hr-gate", &oidcauth.Options{
		Client: issuer.Client(), Claims: []string{"groups"}, InsecureTestIssuer: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, audience := range []string{"hr-gate", "crm-gate"} {
		token, err := issuer.Token(map[string]any{"sub": "ada", "aud": audience, "groups": []string{"hr"}, "acr": "gold"})
		if err != nil {
			log.Fatal(err)
		}
		id, err := v.Verify(ctx, auth.Bearer(token))
		fmt.Println(id.Issuer, id.Subject, id.Claims["groups"], id.Assurance.ACR, err)
	}
	// Output:
	// https://carnet.invalid ada [hr] gold <nil>
	//   []  oidcauth: claims for another audience
}
