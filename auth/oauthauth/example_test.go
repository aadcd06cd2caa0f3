package oauthauth_test

import (
	"context"
	"fmt"

	"github.com/carnet-go/carnet/auth"
	"github.com/carnet-go/carnet/auth/oauthauth"
)

func Example() {
	client := auth.Constant(map[string]auth.Secret{
		"id": auth.NewSecret([]byte("carnet")), "secret": auth.NewSecret([]byte("s3cret")),
	})
	hub := oauthauth.Exchange{Client: client}
	fmt.Println(hub.Check(), hub.Fits(auth.System{Name: "hub", Endpoints: map[string]string{"token": "https://id.example/token"}}))
	fmt.Println(hub.Fits(auth.System{Name: "hub"}))

	// A Broker translates, under the grant of the call.
	_, err := hub.Translate(context.Background(), auth.Need{})
	fmt.Println(err)
	// Output:
	// <nil> <nil>
	// auth: undeclared: the system has no endpoint token
	// auth: foreign
}
